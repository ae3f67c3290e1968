/* A process that was started, and our ends of its standard descriptors. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include "exec/program.h"

#define CHILD_WHY 200 /* bytes of a sentence */

struct child {
	pid_t pid;
	int pidfd;
	int in, out, err; /* of the program; in and out may be the same; -1: closed */
};

/* All of them are non-blocking. terminal: its input and output are a terminal that changes
 * nothing, so that the program buffers by lines. 0 or -errno with a sentence. */
int child_start(struct child *, const struct program *, char *const *env, bool terminal,
	char why[CHILD_WHY]) MUST_CHECK;

/* To all processes of its group. Only before it is reaped. */
void child_signal(const struct child *, int sig);

/* True if it has ended and is reaped now; *ret is its status as of waitpid(). */
bool child_reap(struct child *, int *ret);

/* "it ended with exit status 1" */
void child_describe(int status, char why[CHILD_WHY]);

/* No more input for it. */
void child_close_input(struct child *);
void child_close(struct child *);
