/*
 * Writes gcb-tables.c at build time: what libutf8proc knows about grapheme
 * cluster boundaries, as a two-stage table small enough to stay in the cache.
 * A lookup costs about a nanosecond; one call of utf8proc_grapheme_break_stateful()
 * costs about ten.
 */
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include "service/text/gcb.h"
#include "util/macro.h"

/* The values that have no entry are obsolete since Unicode 11 and never occur. */
static const struct {
	int boundclass;
	enum gcb gcb;
} classes[] = {
	{UTF8PROC_BOUNDCLASS_OTHER, GCB_OTHER},
	{UTF8PROC_BOUNDCLASS_CR, GCB_CR},
	{UTF8PROC_BOUNDCLASS_LF, GCB_LF},
	{UTF8PROC_BOUNDCLASS_CONTROL, GCB_CONTROL},
	{UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC, GCB_PICTOGRAPHIC},
	{UTF8PROC_BOUNDCLASS_LV, GCB_LV},
	{UTF8PROC_BOUNDCLASS_LVT, GCB_LVT},
	{UTF8PROC_BOUNDCLASS_EXTEND, GCB_EXTEND},
	{UTF8PROC_BOUNDCLASS_ZWJ, GCB_ZWJ},
	{UTF8PROC_BOUNDCLASS_SPACINGMARK, GCB_SPACING},
	{UTF8PROC_BOUNDCLASS_PREPEND, GCB_PREPEND},
	{UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR, GCB_REGIONAL},
	{UTF8PROC_BOUNDCLASS_L, GCB_L},
	{UTF8PROC_BOUNDCLASS_V, GCB_V},
	{UTF8PROC_BOUNDCLASS_T, GCB_T},
};

struct table {
	uint8_t index[GCB_CODEPOINTS / GCB_BLOCK];
	uint8_t blocks[GCB_BLOCKS_MAX][GCB_BLOCK];
	size_t n_blocks;
};

static int class_of(utf8proc_int32_t c)
{
	int boundclass = utf8proc_get_property(c)->boundclass;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (classes[i].boundclass == boundclass) {
			return (int)classes[i].gcb;
		}
	}
	fprintf(stderr, "gcb-gen: U+%04X has an unknown boundclass, %d\n", (unsigned)c, boundclass);
	return -1;
}

static int add_block(struct table *t, const uint8_t block[GCB_BLOCK])
{
	for (size_t i = 0; i < t->n_blocks; i++) {
		if (memcmp(t->blocks[i], block, GCB_BLOCK) == 0) {
			return (int)i;
		}
	}
	if (t->n_blocks == GCB_BLOCKS_MAX) {
		fprintf(stderr, "gcb-gen: more than %u different blocks\n", GCB_BLOCKS_MAX);
		return -1;
	}
	memcpy(t->blocks[t->n_blocks], block, GCB_BLOCK);
	return (int)t->n_blocks++;
}

static int fill(struct table *t)
{
	for (size_t b = 0; b < ARRAY_SIZE(t->index); b++) {
		uint8_t block[GCB_BLOCK];
		int i;

		for (size_t k = 0; k < GCB_BLOCK; k++) {
			int kind = class_of((utf8proc_int32_t)(b * GCB_BLOCK + k));

			if (kind < 0) {
				return -1;
			}
			block[k] = (uint8_t)kind;
		}
		i = add_block(t, block);
		if (i < 0) {
			return -1;
		}
		t->index[b] = (uint8_t)i;
	}
	return 0;
}

static void print_bytes(FILE *f, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "%u,%s", p[i], i % 32 == 31 || i + 1 == n ? "\n" : "");
	}
}

static void print_table(FILE *f, const struct table *t)
{
	fprintf(f, "/* Made by gcb-gen from libutf8proc %s. */\n", utf8proc_version());
	fprintf(f, "#include \"service/text/gcb.h\"\n");
	fprintf(f, "const char gcb_unicode_version[] = \"%s\";\n", utf8proc_unicode_version());
	fprintf(f, "const uint8_t gcb_index[GCB_CODEPOINTS / GCB_BLOCK] = {\n");
	print_bytes(f, t->index, ARRAY_SIZE(t->index));
	fprintf(f, "};\nconst uint8_t gcb_blocks[][GCB_BLOCK] = {\n");
	for (size_t i = 0; i < t->n_blocks; i++) {
		fprintf(f, "{");
		print_bytes(f, t->blocks[i], GCB_BLOCK);
		fprintf(f, "},\n");
	}
	fprintf(f, "};\n");
}

int main(int argc, char **argv)
{
	static struct table table;
	FILE *f;

	if (argc != 2) {
		fprintf(stderr, "usage: gcb-gen FILE\n");
		return 64;
	}
	if (fill(&table) < 0) {
		return 1;
	}
	f = fopen(argv[1], "we");
	if (!f) {
		perror(argv[1]);
		return 1;
	}
	print_table(f, &table);
	if (ferror(f) | fclose(f)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
