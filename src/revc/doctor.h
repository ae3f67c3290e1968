/* --doctor: what is wrong with the daemon and what it needs, and what mends it. */
#pragma once

#include "revc/arguments.h"

/* Returns the exit code: 0 if nothing is wrong. */
int doctor_run(const struct arguments *);
