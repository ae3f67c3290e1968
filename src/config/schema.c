#include "config/schema.h"

#include <errno.h>
#include <string.h>
#include "config/parse.h"

#define RUNTIME_DIR "/run/revd"
#define QUEUE "/revd"

const struct rv_option *option_find(const struct rv_option *table, const char *key)
{
	for (; table && table->key; table++) {
		if (strcmp(table->key, key) == 0) {
			return table;
		}
	}
	return NULL;
}

size_t option_count(const struct rv_option *table)
{
	size_t n = 0;

	while (table && table[n].key) {
		n++;
	}
	return n;
}

int schema_rows(struct schema *s, struct settings *rows, const struct rv_option *a,
	const struct rv_option *b)
{
	rows->n = 0;
	rows->rows =
		arena_alloc(s->arena, (option_count(a) + option_count(b)) * sizeof(rows->rows[0]));
	return rows->rows ? 0 : -ENOMEM;
}

void schema_parse(struct schema *s, const struct rv_option *o, const char *text,
	const struct origin *at, void *block)
{
	char why[PARSE_WHY];
	int r = parse_option(s->arena, o, text, (char *)block + o->offset, why);

	if (r == -ENOMEM) {
		s->no_memory = true;
	} else if (r < 0) {
		diags_add(s->diags, at, "%s: %s", o->key, why);
	}
}

/* The table is written for /run/revd and the queue /revd; a daemon that runs elsewhere, as another
 * user or twice, has its defaults there. */
static const char *default_text(struct schema *s, const struct rv_option *o)
{
	size_t n = strlen(RUNTIME_DIR);
	const char *text;

	if (o->type == RV_QUEUE && strcmp(o->def, QUEUE) == 0) {
		return s->queue;
	}
	if (o->type != RV_PATH || strncmp(o->def, RUNTIME_DIR "/", n + 1) != 0) {
		return o->def;
	}
	text = arena_printf(s->arena, "%s%s", s->runtime_dir, o->def + n);
	if (!text) {
		s->no_memory = true;
		return "";
	}
	return text;
}

static void fill_one(struct schema *s, const struct rv_option *o, const struct ini_value *v,
	void *block, struct setting *row)
{
	static const struct origin nowhere = {.file = "(default)"};

	*row = (struct setting){.option = o};
	if (v && v->text[0]) {
		row->text = v->text;
		row->file = v->at.file;
		row->line = v->at.line;
	} else {
		row->text = default_text(s, o);
	}
	schema_parse(s, o, row->text, row->file ? &v->at : &nowhere, block);
}

void schema_fill(struct schema *s, const struct rv_option *table, const struct ini_section *section,
	void *block, struct settings *settings)
{
	for (const struct rv_option *o = table; o && o->key; o++) {
		const struct ini_value *v = section ? ini_find_value(section, o->key) : NULL;

		fill_one(s, o, v, block, &settings->rows[settings->n++]);
	}
}

static bool same_ids(const struct rv_ids *a, const struct rv_ids *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->ids, b->ids, a->n * sizeof(a->ids[0])) == 0);
}

static size_t field_size(enum rv_type type)
{
	switch (type) {
	case RV_BOOL:
		return sizeof(bool);
	case RV_MODE:
		return sizeof(mode_t);
	case RV_ENUM:
		return sizeof(int);
	case RV_USER:
		return sizeof(uid_t);
	case RV_GROUP:
		return sizeof(gid_t);
	default:
		return sizeof(uint64_t);
	}
}

bool option_same(const struct rv_option *o, const void *a, const void *b)
{
	const char *fa = (const char *)a + o->offset;
	const char *fb = (const char *)b + o->offset;

	switch (o->type) {
	case RV_STRING:
	case RV_PATH:
	case RV_QUEUE:
		return strcmp(*(const char *const *)(const void *)fa,
			       *(const char *const *)(const void *)fb) == 0;
	case RV_USERS:
	case RV_GROUPS:
		return same_ids((const void *)fa, (const void *)fb);
	default:
		return memcmp(fa, fb, field_size(o->type)) == 0;
	}
}
