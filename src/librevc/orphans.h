/*
 * Reply queues whose clients have died. A client of a queue holds a lock on its own
 * reply queue for as long as it lives, flock(2), and says so with a token that begins
 * with ORPHANS_MARK: whoever gets the lock of such a queue may remove it. Names of
 * others, and those of other users, are left alone.
 */
#pragma once

#include <stdbool.h>
#include "util/macro.h"

#define ORPHANS_MARK "live-" /* what such a token begins with, revd-protocol(7) */

/* Marks the queue just made as its client's who lives. False: somebody took it for an
 * orphan in between, and it is gone. */
bool orphans_lock(int fd) MUST_CHECK;

/* Removes those of the queue /NAME that this user left. dir: where the names of queues
 * can be listed; does nothing where they can't. */
void orphans_remove(const char *dir, const char *queue);
