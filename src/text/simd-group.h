/*
 * Groups: the 128 bytes that the vector kernels take at once where there is more
 * than ASCII; see kernel-simd.h.
 */
#pragma once

#include <errno.h>
#include <string.h>
#include "text/cluster.h"
#include "text/kernel.h"
#include "text/simd-window.h"
#include "text/utf8.h"
#include "text/word.h"

#define GROUP 128u      /* bytes */
#define DENSE 8         /* marks in a group from which on it is better not to jump */
#define DENSE_RUN 256u  /* bytes that the automaton then takes beyond the group */
#define MARGIN VEC_SIZE /* before a staged group, and twice behind it */

struct group {
	const uint8_t *src;
	size_t n;
	uint8_t *dst;
	size_t begin, end; /* of the group, in src */
	VEC errors;        /* not zero: something is ill-formed in it or just before it */
	VEC special;       /* high bits: what keeps it from being handled as ASCII */
	uint64_t joins[2]; /* a bit for each byte */
};

static ALWAYS_INLINE void add_joins(struct group *g, VEC joins, size_t at)
{
	uint64_t none = v_mask(v_equal(joins, v_zero()));
	uint64_t bits = ~none & (UINT64_MAX >> (64 - VEC_SIZE));

	if (at >= 64) {
		g->joins[1] |= bits << (at - 64);
		return;
	}
	g->joins[0] |= bits << at;
	if (at > 64 - VEC_SIZE) {
		g->joins[1] |= bits >> (64 - at);
	}
}

/* The vector that begins `at` bytes into the group, at p; its result goes to out. */
static ALWAYS_INLINE void group_step(
	struct group *g, const uint8_t *p, size_t at, uint8_t *out, bool clusters)
{
	struct window w = window_load(p);

	g->errors = v_or(g->errors, find_errors(&w));
	g->special = v_or(g->special, w.here);
	v_store(out, reverse_codepoints_of(&w));
	if (clusters) {
		g->special = v_or(g->special, v_equal(w.here, v_splat('\r')));
		add_joins(g, find_joins(&w), at);
	}
}

/* Where the result of the vector that begins `at` bytes into the group belongs. */
static ALWAYS_INLINE uint8_t *group_out(const struct group *g, size_t at)
{
	return g->dst + (g->n - g->begin - at - VEC_SIZE);
}

/* A group that has REACH bytes of text on both sides. */
static ALWAYS_INLINE void group_run_inner(struct group *g, bool clusters)
{
	const uint8_t *p = g->src + g->begin;

	for (size_t at = 0; at < GROUP; at += VEC_SIZE) {
		group_step(g, p + at, at, group_out(g, at), clusters);
	}
}

/* Copies the group and the REACH bytes around it to in + MARGIN, with zeros beyond the
 * ends of the text: they do as well as any ASCII. The vectors that are copied may
 * overlap, for none reaches beyond the text. */
static ALWAYS_INLINE void stage(const struct group *g, uint8_t *in)
{
	const uint8_t *begin = g->src + g->begin, *end = g->src + g->end + REACH;
	uint8_t *out = in + MARGIN;

	v_store(in, v_zero());
	if (g->n < VEC_SIZE) {
		v_store(out, v_zero());
		word_copy(out, g->src, g->n);
	} else {
		const uint8_t *last = g->src + (g->n - VEC_SIZE);
		const uint8_t *p = g->begin > VEC_SIZE ? begin - VEC_SIZE : g->src;

		for (; p < last && p < end; p += VEC_SIZE) {
			v_store(out + (p - begin), v_load(p));
		}
		if (p < end) {
			v_store(out + (last - begin), v_load(last));
		}
	}
	if (g->n - g->end < REACH) {
		v_store(out + (g->n - g->begin), v_zero());
	}
}

/* A group at the beginning or the end of the text. */
static ALWAYS_INLINE void group_run_outer(struct group *g, bool clusters)
{
	uint8_t in[MARGIN + GROUP + 2 * MARGIN], out[VEC_SIZE];
	size_t size = g->end - g->begin, at = 0;

	stage(g, in);
	if (size < VEC_SIZE) {
		group_step(g, in + MARGIN, 0, out, clusters);
		word_copy(g->dst + (g->n - g->end), out + VEC_SIZE - size, size);
		return;
	}
	for (; size - at >= VEC_SIZE; at += VEC_SIZE) {
		group_step(g, in + MARGIN + at, at, group_out(g, at), clusters);
	}
	if (at < size) {
		at = size - VEC_SIZE;
		group_step(g, in + MARGIN + at, at, group_out(g, at), clusters);
	}
}

/* The text ends in a lead byte that waits for more. */
static bool ends_short(const uint8_t *src, size_t n)
{
	return src[n - 1] >= 0xC0 || (n >= 2 && src[n - 2] >= 0xE0) ||
	       (n >= 3 && src[n - 3] >= 0xF0);
}

/* Where the error is, given that all is well before i, except that the last
 * code point before it may lack bytes. */
static int locate_error(const uint8_t *src, size_t n, size_t i, size_t *ret_bad)
{
	for (size_t k = 0; k <= REACH && i > 0; k++) {
		if (!utf8_is_continuation(src[--i])) {
			break;
		}
	}
	return text_find_error(src, n, i, ret_bad);
}

/* Checks and reverses the group that begins at g->begin. */
static ALWAYS_INLINE int group_run(struct group *g, bool clusters, size_t *ret_bad)
{
	g->errors = g->special = v_zero();
	g->joins[0] = g->joins[1] = 0;
	g->end = MIN(g->n, g->begin + GROUP);
	if (g->begin >= REACH && g->n - g->begin >= GROUP + REACH) {
		group_run_inner(g, clusters);
	} else {
		group_run_outer(g, clusters);
	}
	if (!v_is_zero(g->errors) || (g->end == g->n && ends_short(g->src, g->n))) {
		return locate_error(g->src, g->n, g->begin, ret_bad);
	}
	return 0;
}

/* Where the automaton has to begin because of the mark at i: at the code point
 * before the joining one. g->n if it was a false alarm. */
static size_t join_begin(const struct group *g, size_t i)
{
	uint32_t c;
	int length;

	if (g->src[i] == '\n') {
		return g->src[i - 1] == '\r' ? i - 1 : g->n;
	}
	while (utf8_is_continuation(g->src[i])) {
		i--;
	}
	length = utf8_decode(g->src + i, g->n - i, &c);
	if (length > 0 && gcb_class(c) < GCB_JOINING) {
		return g->n;
	}
	while (i > 0 && utf8_is_continuation(g->src[--i])) {
	}
	return i;
}

/* The bits for base and what follows it, without those for what lies before `from`. */
static ALWAYS_INLINE uint64_t bits_from(uint64_t bits, size_t base, size_t from)
{
	return from <= base ? bits : from - base >= 64 ? 0 : bits & (UINT64_MAX << (from - base));
}

/* Lets the automaton loose on what begins at *done. */
static int join_run(const struct group *g, bool dense, size_t *done)
{
	if (dense) {
		return text_reverse_clusters(g->src, g->n, g->dst, done, g->end + DENSE_RUN);
	}
	return cluster_patch(g->src, g->n, g->dst, done);
}

/* Puts the clusters of more than one code point in order. g->end moves on if
 * one of them goes on beyond it. */
static int group_join(struct group *g, size_t *ret_bad)
{
	int marks = __builtin_popcountll(g->joins[0]) + __builtin_popcountll(g->joins[1]);
	size_t done = g->begin, base = g->begin;

	for (size_t word = 0; word < ARRAY_SIZE(g->joins); word++, base += 64) {
		uint64_t bits = g->joins[word];

		while ((bits = bits_from(bits, base, done))) {
			size_t i = base + (size_t)__builtin_ctzll(bits);
			size_t from = join_begin(g, i);

			bits &= bits - 1;
			if (from == g->n) {
				continue;
			}
			done = from;
			if (join_run(g, marks >= DENSE, &done) < 0) {
				*ret_bad = done;
				return -EILSEQ;
			}
		}
	}
	g->end = MAX(g->end, done);
	return 0;
}
