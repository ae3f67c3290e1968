#include "revc/late.h"

#include "util/macro.h"

#define FIRST_NS UINT64_C(1000000000) /* nothing is known yet, RFC 6298, 2.1 */
#define LEAST_NS UINT64_C(250000000)  /* a daemon may be kept from running for a moment */
#define MOST_NS UINT64_C(60000000000)
#define DOUBLINGS 3u
#define PROBES 16u
#define STOCK 2048.0
#define SHARE 0.1 /* of answers, that may be asked for again */

static void note_time(struct late *l, double took)
{
	double off = took - l->mean_ns;

	if (!l->known) {
		l->known = true;
		l->mean_ns = took;
		l->deviation_ns = took / 2;
		return;
	}
	l->deviation_ns += ((off < 0 ? -off : off) - l->deviation_ns) / 4;
	l->mean_ns += off / 8;
}

void late_note(struct late *l, const struct late_request *q, uint64_t now)
{
	/* Of several that were sent the first may be answered, and is, if it is so soon. */
	bool last = q->again == 0 || (double)(now - q->sent_ns) > l->mean_ns / 2;

	l->answer_ns = now;
	l->probes = 0;
	l->spent = MAX(l->spent - SHARE, 0.0);
	l->newest_ns = last ? MAX(l->newest_ns, q->sent_ns) : l->newest_ns;
	if (q->again == 0 || !last) { /* else the first was lost, and that is no matter of time */
		note_time(l, (double)(now - q->first_ns));
	}
}

uint64_t late_after(const struct late *l, unsigned again)
{
	double usual = MIN(l->mean_ns + 4 * l->deviation_ns, (double)MOST_NS);
	uint64_t ns = l->known ? MAX((uint64_t)usual, LEAST_NS) : FIRST_NS;

	return MIN(ns << MIN(again, DOUBLINGS), MOST_NS);
}

bool late_is(const struct late *l, const struct late_request *q, uint64_t now)
{
	uint64_t wait = late_after(l, q->again);
	bool overtaken = l->newest_ns >= q->sent_ns + wait;

	return now >= q->sent_ns + wait &&
	       ((overtaken && l->spent < STOCK) ||
		       (now >= l->answer_ns + wait && l->probes < PROBES));
}

void late_spend(struct late *l)
{
	l->spent += 1;
	l->probes++;
}
