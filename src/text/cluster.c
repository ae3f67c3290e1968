#include "text/cluster.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "text/utf8.h"
#include "text/word.h"

#define X(s) CLUSTER_##s                   /* no break */
#define B(s) (CLUSTER_BREAK | CLUSTER_##s) /* a break before it */

/* The rules GB3 to GB999, one row per state. Every row but CR, CONTROL and
 * PREPEND breaks before everything but Extend, ZWJ and SpacingMark (GB9, GB9a)
 * and what its own rule adds. An entry is the next state. */
static const uint8_t cluster_next[CLUSTER_STATE_COUNT][GCB_COUNT] = {
	/* clang-format off */
/*                        Other     CR     LF          Control     Pictogr.    Consonant     LV    LVT   Extend        Linker      Non-joiner  ZWJ             Spacing   Prepend     Regional     L     V     T */
[CLUSTER_OTHER]       = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), X(OTHER),     X(OTHER),   X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_CR]          = {B(OTHER), B(CR), X(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), B(OTHER),     B(OTHER),   B(OTHER),   B(OTHER),       B(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_CONTROL]     = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), B(OTHER),     B(OTHER),   B(OTHER),   B(OTHER),       B(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_PREPEND]     = {X(OTHER), B(CR), B(CONTROL), B(CONTROL), X(PICTURE), X(CONSONANT), X(V), X(T), X(OTHER),     X(OTHER),   X(OTHER),   X(OTHER),       X(OTHER), X(PREPEND), X(REGIONAL), X(L), X(V), X(T)},
[CLUSTER_REGIONAL]    = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), X(OTHER),     X(OTHER),   X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), X(OTHER),    B(L), B(V), B(T)},
[CLUSTER_L]           = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), X(V), X(T), X(OTHER),     X(OTHER),   X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), X(L), X(V), B(T)},
[CLUSTER_V]           = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), X(OTHER),     X(OTHER),   X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), X(V), X(T)},
[CLUSTER_T]           = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), X(OTHER),     X(OTHER),   X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), X(T)},
[CLUSTER_PICTURE]     = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), X(PICTURE),   X(PICTURE), X(PICTURE), X(PICTURE_ZWJ), X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_PICTURE_ZWJ] = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), X(PICTURE), B(CONSONANT), B(V), B(T), X(OTHER),     X(OTHER),   X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_CONSONANT]   = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(CONSONANT), B(V), B(T), X(CONSONANT), X(LINKED),  X(OTHER),   X(CONSONANT),   X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_LINKED]      = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), X(CONSONANT), B(V), B(T), X(LINKED),    X(LINKED),  X(OTHER),   X(LINKED),      X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
	/* clang-format on */
};

#define WIDE 16u

struct run {
	const uint8_t *src;
	size_t n;
	uint8_t *dst;
	size_t until; /* where to stop if not before ASCII */
	bool wide;    /* may write WIDE bytes where fewer are due */
};

/* Puts the cluster at [from, to) into its place. */
static ALWAYS_INLINE void put(const struct run *r, size_t from, size_t to)
{
	size_t size = to - from;

	if (r->wide && LIKELY(size <= WIDE && to >= WIDE && r->n - from >= WIDE)) {
		memcpy(r->dst + (r->n - from - WIDE), r->src + (to - WIDE), WIDE);
	} else if (size < WORD_MAX) {
		word_copy(r->dst + (r->n - to), r->src + from, size);
	} else {
		memcpy(r->dst + (r->n - to), r->src + from, size);
	}
}

/* True if the cluster at [from, to) is put once, when it has ended, and not each time
 * it grows: the long ones at least, for their length squared is a long time. */
static ALWAYS_INLINE bool is_due(const struct run *r, size_t from, size_t to)
{
	return r->wide ? UNLIKELY(to - from > WIDE) : to > from;
}

static ALWAYS_INLINE int run(const struct run *r, size_t *pos)
{
	enum cluster_state state = CLUSTER_CONTROL;
	enum gcb kind, last = GCB_COUNT;
	size_t start = *pos, i = *pos;

	while (i < r->n) {
		uint32_t c = 0;
		int length = utf8_decode(r->src + i, r->n - i, &c);
		uint8_t next;

		if (UNLIKELY(length < 0)) {
			*pos = i;
			return -EILSEQ;
		}
		kind = gcb_class(c);
		next = cluster_next[state][kind];
		if ((c < 0x80 || i >= r->until) && (next & CLUSTER_BREAK) && kind < GCB_JOINING &&
			last < GCB_JOINING) {
			break;
		}
		if ((next & CLUSTER_BREAK) && is_due(r, start, i)) {
			put(r, start, i);
		}
		start = next & CLUSTER_BREAK ? i : start;
		state = (enum cluster_state)(next & ~CLUSTER_BREAK);
		last = kind;
		i += (size_t)length;
		if (!is_due(r, start, i)) {
			/* Each time anew as the cluster grows: no branch to mispredict. */
			put(r, start, i);
		}
	}
	if (is_due(r, start, i)) {
		put(r, start, i);
	}
	*pos = i;
	return 0;
}

int cluster_patch(const uint8_t *src, size_t n, uint8_t *dst, size_t *pos)
{
	struct run r = {.src = src, .n = n, .dst = dst};

	return run(&r, pos);
}

int cluster_reverse(const uint8_t *src, size_t n, uint8_t *dst, size_t *pos, size_t until)
{
	struct run r = {.src = src, .n = n, .dst = dst, .until = until, .wide = true};

	return run(&r, pos);
}

size_t cluster_end(const uint8_t *text, size_t n, size_t pos)
{
	enum cluster_state state = CLUSTER_CONTROL;
	size_t i = pos;

	while (i < n) {
		uint32_t c = 0;
		int length = utf8_decode(text + i, n - i, &c);
		uint8_t next = cluster_next[state][gcb_class(c)];

		if ((next & CLUSTER_BREAK) && i > pos) {
			break;
		}
		state = (enum cluster_state)(next & ~CLUSTER_BREAK);
		i += (size_t)(length > 0 ? length : 1);
	}
	return i;
}
