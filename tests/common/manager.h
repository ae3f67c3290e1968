/*
 * A service manager that keeps descriptors (sd_notify(3), FDSTORE=1) and gives them to the next
 * daemon of the rig. But for the count of failures, so that no daemon waits before it serves.
 */
#pragma once

#include "common/rig.h"

#define MANAGER_KEEPS 16

struct manager {
	int sock;
	struct {
		char name[96];
		int fd;
	} kept[MANAGER_KEEPS];
	size_t n;
	bool refuses; /* closes what it is to keep */
};

void manager_init(struct manager *, const struct rig *);
void manager_finish(struct manager *);
/* Starts a daemon with what there is, and waits until it is ready. */
void manager_launch(struct manager *, struct rig *);
/* Takes what was sent so far. */
void manager_read(struct manager *);
/* How many connections the daemon's bags hold that have nothing unfinished. */
size_t manager_settled(const struct manager *);
/* Reads until that is n. */
void manager_wait_settled(struct manager *, const struct rig *, size_t n);
/* Kills the daemon, and takes what it sent before. */
void manager_kill(struct manager *, struct rig *, int sig);
