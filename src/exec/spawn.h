/*
 * Starts a program without fork(): the daemon may be large and have threads. The child
 * runs in the daemon's memory on a stack of its own, while the thread that made it waits
 * for its execve(); all that it does until then are plain system calls.
 *
 * Nothing of the daemon's goes along: no descriptor but the three, no signal that is
 * blocked, ignored or handled, no capability that is inheritable, no raised limit of
 * descriptors. The child leads a session and a process group of its own, and is killed
 * when the thread that started it ends, however that happens.
 */
#pragma once

#include <sys/types.h>
#include "exec/program.h"

struct spawn {
	const struct program *program;
	char *const *env;
	int fds[3];    /* become its standard descriptors */
	bool terminal; /* fds[0] is one, and becomes its controlling terminal */
};

/* 0, or -errno; *ret_step then says what failed ("execve"). */
int spawn(const struct spawn *, pid_t *ret_pid, int *ret_pidfd, const char **ret_step) MUST_CHECK;
