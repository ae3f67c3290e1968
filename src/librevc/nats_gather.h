/* Asking all the daemons behind a NATS broker, where a request goes to one of them. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <revd/client.h>
#include "util/macro.h"

/* One answer, so long after the question. */
typedef void nats_gather_take(void *ctx, const void *data, size_t n, uint64_t ns);

/* Asks and takes the answers until for quiet_ns none has come. The session is over NATS, and
 * nothing else is under way. 0, or -errno with the sentence in the session. */
int nats_gather(struct revc *, const char *subject, uint64_t quiet_ns, nats_gather_take *,
	void *ctx) MUST_CHECK;

/* The subject of the session's URI; NULL: it is not over NATS. */
const char *nats_subject(const struct revc *);
