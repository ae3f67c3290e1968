#include "exec/backoff.h"

#include "util/macro.h"

void backoff_failed(struct backoff *b, uint64_t now, uint64_t most)
{
	uint64_t delay = (uint64_t)BACKOFF_FIRST_NS << MIN(b->failures, 20u);

	b->failures++;
	b->until = now + MIN(delay, most);
}
