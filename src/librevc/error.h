/* What went wrong, as a program reports it. */
#pragma once

#include <revd/client.h>
#include "util/macro.h"

/* sysexits.h, as exit codes of revc */
#define EXIT_USAGE 64
#define EXIT_UNAVAILABLE 69
#define EXIT_TRY_LATER 75
#define EXIT_NO_PERMISSION 77

/* What revc ends with when a reply has that status. */
int error_exit_code(unsigned status);

/* err: a positive errno. */
void error_set(struct revc_err *, int err, int exit_code, const char *fmt, ...) PRINTF(4, 5);
