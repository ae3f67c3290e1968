/* --top: what each endpoint does, live. */
#pragma once

#include "revc/arguments.h"

/* Returns the exit code. */
int top_run(const struct arguments *);
