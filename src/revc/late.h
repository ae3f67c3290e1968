/*
 * When a request that has no answer is taken for lost. Behind a broker nothing tells of a daemon
 * that has died with it, so time has to, as in TCP: late is what takes far longer than answers
 * have been taking (RFC 6298), while others that were sent well after it are answered (RFC 8985).
 * Where nothing is answered a few are sent again, to find out. Each further try waits twice as
 * long, up to eight times.
 *
 * Sending again what is only slow would make all of it slower. So a queue that grows is no loss,
 * a slow answer counts from when it was first asked for, and no more than a tenth of what is
 * answered may be asked for again, but for a stock that a daemon's death may use up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct late {
	bool known; /* an answer has been seen */
	double mean_ns, deviation_ns;
	uint64_t newest_ns; /* when the one was sent that was sent last of all answered */
	uint64_t answer_ns; /* when the last answer came */
	double spent;       /* of the stock */
	unsigned probes;    /* sent again since the last answer */
};

/* A request, by when it was sent for the first and for the last time. */
struct late_request {
	uint64_t first_ns, sent_ns;
	unsigned again; /* how often it was sent but for the first time */
};

/* It was answered. */
void late_note(struct late *, const struct late_request *, uint64_t now);

/* It is not late before so long after it was sent for the last time. */
uint64_t late_after(const struct late *, unsigned again);
/* And is it, now? */
bool late_is(const struct late *, const struct late_request *, uint64_t now);
/* It is sent again. */
void late_spend(struct late *);
