#include <errno.h>
#include <string.h>
#include "config/loader.h"
#include "config/names.h"

#define COMMENT_COLUMN 40

static void put_row(FILE *f, const struct setting *s)
{
	int n = fprintf(f, "%s = %s", s->option->key, s->text);

	fprintf(f, "%*s; ", MAX(1, COMMENT_COLUMN - n), "");
	if (s->file && s->line) {
		fprintf(f, "%s:%u\n", s->file, s->line);
	} else {
		fputs("default\n", f);
	}
}

static void put_section(FILE *f, const char *kind, const char *name, const struct settings *s)
{
	fprintf(f, "\n[%s%s]\n", kind, name);
	for (size_t i = 0; i < s->n; i++) {
		put_row(f, &s->rows[i]);
	}
}

int config_dump(const struct config *c, FILE *f)
{
	const struct config_private *p = c->priv;

	fputs("[" NAMES_GLOBAL "]\n", f);
	for (size_t i = 0; i < p->global.n; i++) {
		put_row(f, &p->global.rows[i]);
	}
	for (size_t i = 0; i < c->n_endpoints; i++) {
		put_section(f, "endpoint.", c->endpoints[i].name, &p->endpoints[i]);
	}
	for (size_t i = 0; i < c->n_services; i++) {
		put_section(f, "service.", c->services[i].name, &p->services[i]);
	}
	return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}
