/*
 * Tables of struct rv_option: from the text of a key to the typed field of a
 * block and back.
 */
#pragma once

#include "config/reader.h"

/* A key of a section with the text that it effectively has. */
struct setting {
	const struct rv_option *option;
	const char *text;
	const char *file; /* NULL: the default */
	unsigned line;
};

/* What a section has become: the rows of --dump-config. */
struct settings {
	size_t n;
	struct setting *rows;
};

struct schema {
	struct arena *arena; /* for strings and lists */
	struct diags *diags;
	const char *runtime_dir; /* what defaults mean by /run/revd */
	const char *queue;       /* what they mean by the queue /revd */
	bool no_memory;
};

/* The entry of key, or NULL. table may be NULL. */
const struct rv_option *option_find(const struct rv_option *table, const char *key);
size_t option_count(const struct rv_option *table);

/* Empty rows, with room for those of two tables (each may be NULL). 0 or -ENOMEM. */
int schema_rows(struct schema *, struct settings *, const struct rv_option *a,
	const struct rv_option *b) MUST_CHECK;

/* Parses one text into the field at block + option->offset. An empty text is
 * the type's unset value. A mistake goes to diags, and the field stays. */
void schema_parse(struct schema *, const struct rv_option *, const char *text,
	const struct origin *, void *block);

/*
 * Fills block, and rows behind those in *settings, with each key of table: what
 * the section says, or else (also if that is empty) the default. section may be
 * NULL. rows must have room for option_count() more.
 */
void schema_fill(struct schema *, const struct rv_option *table, const struct ini_section *,
	void *block, struct settings *);

/* True if the field is the same in both blocks. */
bool option_same(const struct rv_option *, const void *a, const void *b);
