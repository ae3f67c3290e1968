/*
 * The classes of code points that UAX #29 tells apart, as the generated tables
 * store them. The values of Grapheme_Cluster_Break; split off from Other are
 * Extended_Pictographic and the consonants of Indic_Conjunct_Break, and from Extend
 * its linkers and the one that is in no conjunct (they never meet elsewhere).
 *
 * The order matters. Between two code points of the classes before GCB_JOINING
 * there is always a boundary (but for CR LF), whatever stands around them: every
 * rule that forbids a break needs one of the others at its side. So text in
 * which those are rare can be cut without looking at most of it.
 */
#pragma once

#include <stdint.h>

enum gcb {
	GCB_OTHER,
	GCB_CR,
	GCB_LF,
	GCB_CONTROL,
	GCB_PICTOGRAPHIC,
	GCB_CONSONANT,
	GCB_LV,
	GCB_LVT,
	GCB_JOINING,              /* not a class: the first one that may forbid a break */
	GCB_EXTEND = GCB_JOINING, /* in conjuncts, too */
	GCB_LINKER,
	GCB_NON_JOINER,
	GCB_ZWJ,
	GCB_SPACING,
	GCB_PREPEND,
	GCB_REGIONAL,
	GCB_L,
	GCB_V,
	GCB_T,
	GCB_COUNT,
};

/* Two stages: the class of c is gcb_blocks[gcb_index[c / 64]][c % 64]. */
#define GCB_BLOCK_BITS 6
#define GCB_BLOCK (1u << GCB_BLOCK_BITS)
#define GCB_BLOCKS_MAX 256u
#define GCB_CODEPOINTS 0x110000u

extern const uint8_t gcb_index[GCB_CODEPOINTS / GCB_BLOCK];
extern const uint8_t gcb_blocks[][GCB_BLOCK];
extern const char gcb_unicode_version[];

/* c < GCB_CODEPOINTS */
static inline enum gcb gcb_class(uint32_t c)
{
	return (enum gcb)gcb_blocks[gcb_index[c >> GCB_BLOCK_BITS]][c & (GCB_BLOCK - 1)];
}
