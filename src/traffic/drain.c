#include "traffic/drain.h"

#include "traffic/peer.h"

/* Do we still owe somebody an answer? */
static bool owes(const struct rv_instance *in)
{
	const struct backlog *b;

	if (in->n_tickets > 0 || !TAILQ_EMPTY(&in->held)) {
		return true;
	}
	LIST_FOREACH(b, &in->watched.all, watch)
	{
		if ((b->unsent.first || b->blocked_ns) &&
			!(b->peer->bits & (PEER_SHARED | PEER_GONE))) {
			return true;
		}
	}
	return false;
}

void drain_check(struct rv_instance *in)
{
	if (in->drained && !in->reported && !owes(in)) {
		in->reported = true;
		in->hooks->drained(in->owner);
	}
}
