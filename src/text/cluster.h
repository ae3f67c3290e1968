/*
 * Extended grapheme clusters, UAX #29, as a finite automaton over the classes
 * of gcb.h. What a boundary depends on always lies inside the cluster that it
 * ends, so the automaton may be started at any boundary.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "text/gcb.h"
#include "util/macro.h"

/* Where the automaton is: what the cluster so far ends in. */
enum cluster_state {
	CLUSTER_OTHER, /* nothing that the next code point's class would care for */
	CLUSTER_CR,
	CLUSTER_CONTROL, /* LF too */
	CLUSTER_PREPEND,
	CLUSTER_REGIONAL, /* half a flag */
	CLUSTER_L,
	CLUSTER_V,           /* V or LV */
	CLUSTER_T,           /* T or LVT */
	CLUSTER_PICTURE,     /* Extended_Pictographic Extend* */
	CLUSTER_PICTURE_ZWJ, /* Extended_Pictographic Extend* ZWJ */
	CLUSTER_CONSONANT,   /* Consonant Extend* */
	CLUSTER_LINKED,      /* the same, with a linker in it */
	CLUSTER_STATE_COUNT,
};

#define CLUSTER_BREAK 0x80u

/*
 * These write clusters of src, from the one that begins at *pos on, to their places
 * in the reversed text dst: what lies at [a, b) goes to [n - b, n - a). They stop at the
 * end, or at a boundary between two code points neither of which is of a joining
 * class, and set *pos to where they stopped. 0, or -EILSEQ if there is an
 * ill-formed sequence at *pos.
 */

/* Stops at the first such boundary; leaves alone what lies below it in dst. */
int cluster_patch(const uint8_t *src, size_t n, uint8_t *dst, size_t *pos) MUST_CHECK;

/* Faster, but spoils what lies below in dst. Stops before ASCII, or at the first such
 * boundary from `until` on. */
int cluster_reverse(
	const uint8_t *src, size_t n, uint8_t *dst, size_t *pos, size_t until) MUST_CHECK;

/* The end of the cluster that begins at pos < n in valid text. */
size_t cluster_end(const uint8_t *text, size_t n, size_t pos);
