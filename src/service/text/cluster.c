#include "service/text/cluster.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "service/text/utf8.h"
#include "service/text/word.h"

/* A run stops at the so-manieth boundary in a row that it could stop at, or at
 * ASCII: in scripts that are full of joining code points it is cheaper to go on
 * than to be called again for the next one. */
#define PATIENCE 3u

#define X(s) CLUSTER_##s                   /* no break */
#define B(s) (CLUSTER_BREAK | CLUSTER_##s) /* a break before it */

/* The rules GB3 to GB999, one row per state. Every row but CR, CONTROL and
 * PREPEND breaks before everything but Extend, ZWJ and SpacingMark (GB9, GB9a)
 * and what its own rule adds. */
const uint8_t cluster_next[CLUSTER_STATE_COUNT][GCB_COUNT] = {
	/* clang-format off */
/*                           Other       CR     LF          Control     Pictogr.    LV    LVT   Extend      ZWJ             Spacing   Prepend     Regional       L     V     T */
[CLUSTER_OTHER]       = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(V), B(T), X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_CR]          = {B(OTHER), B(CR), X(CONTROL), B(CONTROL), B(PICTURE), B(V), B(T), B(OTHER),   B(OTHER),       B(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_CONTROL]     = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(V), B(T), B(OTHER),   B(OTHER),       B(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_PREPEND]     = {X(OTHER), B(CR), B(CONTROL), B(CONTROL), X(PICTURE), X(V), X(T), X(OTHER),   X(OTHER),       X(OTHER), X(PREPEND), X(REGIONAL), X(L), X(V), X(T)},
[CLUSTER_REGIONAL]    = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(V), B(T), X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), X(OTHER),    B(L), B(V), B(T)},
[CLUSTER_L]           = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), X(V), X(T), X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), X(L), X(V), B(T)},
[CLUSTER_V]           = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(V), B(T), X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), X(V), X(T)},
[CLUSTER_T]           = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(V), B(T), X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), X(T)},
[CLUSTER_PICTURE]     = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), B(PICTURE), B(V), B(T), X(PICTURE), X(PICTURE_ZWJ), X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
[CLUSTER_PICTURE_ZWJ] = {B(OTHER), B(CR), B(CONTROL), B(CONTROL), X(PICTURE), B(V), B(T), X(OTHER),   X(OTHER),       X(OTHER), B(PREPEND), B(REGIONAL), B(L), B(V), B(T)},
	/* clang-format on */
};

static inline void put(const uint8_t *src, size_t n, uint8_t *dst, size_t from, size_t to)
{
	if (to - from < WORD_MAX) {
		word_copy(dst + (n - to), src + from, to - from);
	} else {
		memcpy(dst + (n - to), src + from, to - from);
	}
}

int cluster_reverse_run(const uint8_t *src, size_t n, uint8_t *dst, size_t *pos)
{
	enum cluster_state state = CLUSTER_CONTROL;
	enum gcb kind, last = GCB_COUNT;
	size_t start = *pos, i = *pos;
	unsigned plain = 0;

	while (i < n) {
		uint32_t c = 0;
		int length = utf8_decode(src + i, n - i, &c);
		uint8_t next;

		if (length < 0) {
			*pos = i;
			return -EILSEQ;
		}
		kind = gcb_class(c);
		next = cluster_next[state][kind];
		if ((next & CLUSTER_BREAK) && i > start) {
			put(src, n, dst, start, i);
			start = i;
			plain = kind < GCB_JOINING && last < GCB_JOINING ? plain + 1 : 0;
			if (plain > 0 && (c < 0x80 || plain == PATIENCE)) {
				break;
			}
		}
		state = (enum cluster_state)(next & ~CLUSTER_BREAK);
		last = kind;
		i += (size_t)length;
	}
	if (start < i) {
		put(src, n, dst, start, i);
	}
	*pos = i;
	return 0;
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
