/* What rig.c and run.c share: how one of our programs is started. */
#pragma once

#include "common/rig.h"

/* The path of "revd" or "revc", other names as they are. */
const char *exec_program(const char *name);

/* Replaces this process (a fresh child) by REVD_WRAPPER, if set and if it is a
 * program of ours, and argv; @DIR@ and @QUEUE@ are replaced. Never returns. */
_Noreturn void exec_argv(const struct rig *, const char *const *argv);

/* The text with @DIR@ and @QUEUE@ replaced; the caller frees it. */
char *exec_expand(const struct rig *, const char *text);

/* What sanitizers and valgrind say is an error in the process of that id. */
void exec_check_findings(const struct rig *, pid_t);
