/* What revc is for: the strings, files, standard input or the prompt, to their replies. */
#pragma once

#include "revc/arguments.h"

/* Returns the exit code; failures are on standard error by then. */
int texts_run(const struct arguments *);
