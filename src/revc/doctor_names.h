/* Names of the daemon's endpoints in the file system: who may do what with them, and what
 * was left there. */
#pragma once

/* The address of an endpoint, as the daemon tells it. */
void doctor_look_at_names(const char *address);
