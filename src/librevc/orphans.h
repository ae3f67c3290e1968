/*
 * Reply queues whose clients have died. A client holds a lock on its own reply queue for
 * as long as it lives, flock(2), and notes its name in a list of the user before it makes
 * it, since queues can be listed only where somebody has mounted their file system. Who
 * makes the next one removes those of the list whose lock is free.
 */
#pragma once

#include <stdbool.h>
#include "util/macro.h"

/* Opens and locks the list at `path`, or, if that is NULL, this user's. What is made
 * until it is closed is seen by nobody else as an orphan. -1: there can be none. */
int orphans_open(const char *path);
/* Removes those in the list, and drops from it what is gone. */
void orphans_remove(int list);
/* A queue of that name will be made. */
void orphans_note(int list, const char *name);

/* Marks the queue as its client's who lives. */
bool orphans_lock(int queue) MUST_CHECK;
