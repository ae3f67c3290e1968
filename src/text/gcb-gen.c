/*
 * Writes gcb-tables.c at build time: the properties that grapheme cluster boundaries
 * depend on, from the ranges of a data file, as a two-stage table small enough to stay
 * in the cache. A lookup costs about a nanosecond.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "text/gcb.h"
#include "util/macro.h"

/* Later lines of the table go over earlier ones: a consonant has no other property that
 * matters, a linker is an Extend. */
static const struct {
	const char *property;
	enum gcb gcb;
} properties[] = {
	{"ExtPict", GCB_PICTOGRAPHIC},
	{"GCB CR", GCB_CR},
	{"GCB LF", GCB_LF},
	{"GCB Control", GCB_CONTROL},
	{"GCB LV", GCB_LV},
	{"GCB LVT", GCB_LVT},
	{"GCB Extend", GCB_NON_JOINER}, /* unless it is in conjuncts, see below */
	{"GCB ZWJ", GCB_ZWJ},
	{"GCB SpacingMark", GCB_SPACING},
	{"GCB Prepend", GCB_PREPEND},
	{"GCB Regional_Indicator", GCB_REGIONAL},
	{"GCB L", GCB_L},
	{"GCB V", GCB_V},
	{"GCB T", GCB_T},
	{"InCB Consonant", GCB_CONSONANT},
	{"InCB Extend", GCB_EXTEND},
	{"InCB Linker", GCB_LINKER},
};

struct table {
	uint8_t classes[GCB_CODEPOINTS];
	uint8_t index[GCB_CODEPOINTS / GCB_BLOCK];
	uint8_t blocks[GCB_BLOCKS_MAX][GCB_BLOCK];
	size_t n_blocks;
	char version[16];
};

static int class_of(const char *property)
{
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		if (strcmp(properties[i].property, property) == 0) {
			return (int)properties[i].gcb;
		}
	}
	return -1;
}

/* What the two properties of a code point make together; false if nothing does. */
static bool combine(uint8_t *into, int gcb)
{
	if (gcb == GCB_EXTEND && *into == GCB_ZWJ) {
		return true; /* GB9c takes it for an Extend, and GB11 needs it as it is */
	}
	if (*into != GCB_OTHER &&
		!(*into == GCB_NON_JOINER && (gcb == GCB_EXTEND || gcb == GCB_LINKER))) {
		return false;
	}
	*into = (uint8_t)gcb;
	return true;
}

static int add_range(struct table *t, const char *line)
{
	unsigned first, last;
	char property[64];
	int gcb;

	if (sscanf(line, "%x..%x ; %63[^\n]", &first, &last, property) != 3 || first > last ||
		last >= GCB_CODEPOINTS) {
		fprintf(stderr, "gcb-gen: not a range: %s", line);
		return -1;
	}
	gcb = class_of(property);
	for (unsigned c = first; c <= last; c++) {
		if (gcb < 0 || !combine(&t->classes[c], gcb)) {
			fprintf(stderr, "gcb-gen: U+%04X: no place for %s\n", c, property);
			return -1;
		}
	}
	return 0;
}

/* The properties come in this order: all GCB before all InCB. */
static int read_data(struct table *t, FILE *f)
{
	char line[128];

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "# Unicode %15[0-9.]:", t->version) == 1 || line[0] == '#') {
			continue;
		}
		if (add_range(t, line) < 0) {
			return -1;
		}
	}
	if (!t->version[0]) {
		fprintf(stderr, "gcb-gen: the data does not say its version\n");
		return -1;
	}
	return ferror(f) ? -1 : 0;
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
		int i = add_block(t, t->classes + b * GCB_BLOCK);

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
	fprintf(f, "/* Made by gcb-gen from unicode-%s.txt. */\n", t->version);
	fprintf(f, "#include \"text/gcb.h\"\n");
	fprintf(f, "const char gcb_unicode_version[] = \"%s\";\n", t->version);
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
	FILE *in, *out;

	if (argc != 3) {
		fprintf(stderr, "usage: gcb-gen DATA FILE\n");
		return 64;
	}
	in = fopen(argv[1], "re");
	if (!in) {
		perror(argv[1]);
		return 1;
	}
	if (read_data(&table, in) < 0 || fill(&table) < 0) {
		return 1;
	}
	fclose(in);
	out = fopen(argv[2], "we");
	if (!out) {
		perror(argv[2]);
		return 1;
	}
	print_table(out, &table);
	if (ferror(out) | fclose(out)) {
		perror(argv[2]);
		return 1;
	}
	return 0;
}
