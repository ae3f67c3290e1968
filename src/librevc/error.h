/* What went wrong, as a program reports it. */
#pragma once

#include <revd/client.h>
#include "util/macro.h"

/* sysexits.h, as exit codes of revc */
#define EXIT_USAGE 64
#define EXIT_UNAVAILABLE 69
#define EXIT_TRY_LATER 75

/* err: a positive errno. */
void error_set(struct revc_err *, int err, int exit_code, const char *fmt, ...) PRINTF(4, 5);
