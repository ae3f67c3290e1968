/* A program that runs beside the test, which talks with it by lines. It dies with the test. */
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include "common/rig.h"

struct companion {
	pid_t pid; /* 0: none */
	int in, out;
	char *text; /* what it has written and nobody has taken, NUL behind it */
	size_t n, size;
};

/* argv as for run(): @DIR@, "revc". err: its standard error is read, too. */
void companion_start(struct companion *, const struct rig *, bool err, const char *const *argv);
#define COMPANION(c, rig, err, ...) \
	companion_start((c), (rig), (err), (const char *const[]){__VA_ARGS__, NULL})

void companion_say(struct companion *, const char *text);
/* Waits for a line with `what` in it. The line, without its LF; the caller frees it. */
char *companion_wait(struct companion *, const char *what);
/* Waits for the next line, which must be this one. */
void companion_expect(struct companion *, const char *line);
/* No more input, and waits for its end. Returns the exit code, 128 + the signal. */
int companion_finish(struct companion *);
void companion_kill(struct companion *, int sig);
