/* A line on standard error that says how far it is, when it takes long and somebody
 * looks: silent unless standard error is a terminal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "util/macro.h"

struct progress {
	bool on;
	bool shown; /* there is something to wipe away */
	uint64_t next_ns;
};

/* wanted: false keeps it silent. Nothing is shown for the first delay_ns. */
void progress_init(struct progress *, bool wanted, uint64_t delay_ns);
/* Is it time to show something? At most five times a second. */
bool progress_is_due(struct progress *);
void progress_show(struct progress *, const char *fmt, ...) PRINTF(2, 3);
/* Wipes the line away: before messages and at the end. */
void progress_clear(struct progress *);
