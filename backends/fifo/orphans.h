/*
 * Reply FIFOs of clients that were killed. A client whose token begins with "live-" has
 * its FIFO open from the moment it made it, revd-protocol(7): one that nobody reads is
 * left over, and goes. They are looked for a second after a client came, and on as
 * long as there are any names.
 */
#pragma once

#include <dirent.h>
#include <event2/event_struct.h>
#include <stdbool.h>

struct fifo_orphans {
	struct event timer;
	int dir_fd; /* the endpoint's */
	DIR *dir;   /* while it is looked through, which may take several turns */
	bool some;  /* there are names that may become orphans */
};

void fifo_orphans_init(struct fifo_orphans *, struct event_base *, int dir_fd);
void fifo_orphans_finish(struct fifo_orphans *);

/* A client has come. */
void fifo_orphans_expect(struct fifo_orphans *);
