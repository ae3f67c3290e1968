/* Processes that are to end, and whose end is waited for without holding up anybody. */
#pragma once

#include "exec/child.h"

struct corpse;
struct event_base;

struct reaper { /* with a base, zero is an empty one */
	struct event_base *base;
	struct corpse *first;
};

/* Kills its whole group, closes what is ours of it, and reaps it when it has ended. */
void reaper_take(struct reaper *, struct child *);

/* Waits for all of them. */
void reaper_finish(struct reaper *);
