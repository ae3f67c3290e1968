/* --peers: who is connected, a page after the other. */
#pragma once

#include "revc/arguments.h"

/* Returns the exit code. */
int peers_run(const struct arguments *);
