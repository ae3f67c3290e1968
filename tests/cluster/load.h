/* Load for a cluster, and what has become of it. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/hist.h"

#define LOAD_TEXT 64 /* bytes of a request at most */

struct load {
	const char *uri, *name; /* name: begins each request, so that no two clients ask the same */
	bool reverse;           /* else the answer is the request */
	uint64_t sent, answered, wrong, refused;
	uint64_t began_ns, last_ns, pause_ns; /* pause: the longest time without an answer */
	struct hist hist;
};

extern volatile sig_atomic_t load_ends; /* no more requests: SIGTERM */

/* Request i. Its bytes. */
size_t load_text(const struct load *, uint64_t i, char buf[LOAD_TEXT]);
/* The answer to request i, so long after it. */
void load_answer(struct load *, uint64_t i, bool ok, const void *data, size_t n, uint64_t ns);

/* Until load_ends, as many at once as the session advises: as revc does it, with what is late
 * or lost sent again; or each request once. 0, or an exit code after a sentence. */
int load_as_revc(struct load *);
int load_once(struct load *);
