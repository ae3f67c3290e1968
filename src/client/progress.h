/* A line on standard error that says how far it is, when it takes long. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;        /* standard error is a terminal, standard output is not */
	bool shown;     /* there is something to wipe away */
	uint64_t total; /* bytes; 0: not known, so nothing is shown */
	uint64_t done;  /* of the files before this one */
	uint64_t start_ns, next_ns;
};

void progress_init(struct progress *, uint64_t total);
/* bytes of the present file. Shows at most five times a second, after the first second. */
void progress_update(struct progress *, uint64_t bytes);
/* Wipes the line away: before messages and at the end. */
void progress_clear(struct progress *);
