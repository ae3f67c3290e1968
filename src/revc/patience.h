/* Waiting at the prompt: after a moment it says so, and ^C ends it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "util/macro.h"
#include "util/progress.h"

struct patience {
	int fd; /* readable: call patience_look() */
	int signal_fd, timer_fd;
	const char *for_what; /* the URI; the caller's */
	struct progress progress;
	uint64_t since_ns;
	bool ended;
};

/* Until patience_finish() SIGINT is blocked, and seen by patience_look() alone. 0 or -errno. */
int patience_init(struct patience *, const char *for_what) MUST_CHECK;
void patience_finish(struct patience *);

/* Around the waiting for one reply. */
void patience_begin(struct patience *);
void patience_end(struct patience *);

/* Shows how long it has taken. True: ^C was typed. */
bool patience_look(struct patience *);

/* Sleeps for so long. -ECANCELED: ^C was typed. A pipeline_pause. */
int patience_sleep(void *patience, uint64_t ns) MUST_CHECK;
