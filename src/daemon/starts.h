/*
 * How often the process has ended soon after a start, one time after the other. The service manager
 * keeps the number from one to the next, and each waits longer before it serves: a request
 * that makes revd fail must not keep the machine busy.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STARTS_NAME "revd-starts" /* in the manager's store */
#define STARTS_SERVED_MS 1000     /* who has served for so long has not failed at once */

struct starts {
	uint64_t failures; /* in a row; what begins counts, until it has served for a while */
	char why[256];     /* the last one's sentence; "": it had none */
};

/* Waits, if need be; fds, n: what came under that name, and is closed. Ends the process if it is
 * told to stop meanwhile. */
void starts_begin(struct starts *, const int *fds, size_t n);
/* It can't serve, and is about to end: shown now, and while the next one waits. */
void starts_failed(const struct starts *, const char *why);
/* It has served for a while, or ends because it is to. */
void starts_forget(void);
