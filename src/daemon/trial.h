/* The program that is to take this one's place, tried out first: does it run, and read the
 * configuration? */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include "util/macro.h"

struct event_base;

struct trial {
	struct event *ended; /* NULL: none is under way */
	pid_t pid;
	int fd; /* closed by the program when it ends */
	void (*done)(void *ctx, bool fine);
	void *ctx;
};

/* Runs `program --check [-c file]`, whose complaints go to our log; done() follows. 0 or -errno. */
int trial_start(struct trial *, struct event_base *, const char *program, const char *file,
	void (*done)(void *ctx, bool fine), void *ctx) MUST_CHECK;
/* Ends it, if it is under way. */
void trial_finish(struct trial *);
