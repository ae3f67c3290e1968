/* The names of statuses and operations, revd-protocol(7). */
#pragma once

#include <stddef.h>
#include <revd/wire.h>

/* "ok", "too-large", ...; "unknown-status" for one of a later version. */
const char *status_name(unsigned status);

/* The status whose name the n bytes at s are, or -1. */
int status_parse(const char *s, size_t n);

/* True if a retry of the same request may succeed. */
static inline bool status_is_transient(unsigned status)
{
	return status == RV_STATUS_BUSY || status == RV_STATUS_TIMEOUT ||
	       status == RV_STATUS_STOPPING;
}
