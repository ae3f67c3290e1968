/* A connection to a Unix domain socket, unix(7). */
#pragma once

#include "librevc/session.h"

/* Connects to the session's address until the deadline. The descriptor, non-blocking, or
 * -errno; and: what that error means there. */
int unix_connect(const struct revc *, int type, uint64_t deadline) MUST_CHECK;
int unix_fail(struct revc *, int err);
