/*
 * What the files say, before anybody judges it: sections of keys with texts.
 *
 * Model. inih splits `key = value ; comment`. The lines come to it from our own
 * reader, since inih alone cuts lines at 200 bytes and section names at 49
 * without a word, never reports an empty section, takes an indented key for
 * more of the value above, and does not say which line it is at. So the reader
 * counts lines and owns the sections; of a line that is too long for inih it
 * passes on the head, and the handler puts the tail back on.
 *
 * A section may be reopened in a later file: its keys override those of earlier
 * files. Within one file a section or a key given twice is an error.
 */
#pragma once

#include "config/errors.h"

#define INI_FILE_MAX (1024u * 1024) /* bytes */
/* All are looked up one by one; a file that has more is no configuration. */
#define INI_SECTIONS_MAX 4096u
#define INI_KEYS_MAX 1024u /* in a section */

struct ini_value {
	struct ini_value *next;
	const char *key, *text;
	struct origin at;
};

struct ini_section {
	struct ini_section *next;
	const char *name;
	struct origin at; /* where it is opened first */
	struct origin last;
	bool damaged; /* a line of it could not be read: what it lacks may be there */
	size_t n_values;
	struct ini_value *values;
};

struct ini {
	struct arena *arena;
	struct diags *diags;
	unsigned n_files;
	const char *read; /* what was, "A, B"; NULL: nothing */
	size_t n_sections;
	struct ini_section *sections; /* in the order of their first appearance */
};

/* Adds the n bytes of a file. file: must live as long as the arena. Mistakes go
 * to diags; 0 or -ENOMEM. */
int ini_read(struct ini *, const char *file, const char *buf, size_t n) MUST_CHECK;

/* One more thing that the sections come from. 0 or -ENOMEM. */
int ini_note_read(struct ini *, const char *what) MUST_CHECK;

/* Finds or makes a section or a value without a file. NULL if there is no memory. */
struct ini_section *ini_add_section(
	struct ini *, const char *name, const struct origin *) MUST_CHECK;
struct ini_value *ini_add_value(struct ini *, struct ini_section *, const char *key,
	const char *text, const struct origin *) MUST_CHECK;

/* NULL if there is none. */
struct ini_section *ini_find_section(const struct ini *, const char *name);
struct ini_value *ini_find_value(const struct ini_section *, const char *key);
