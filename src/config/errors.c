#include "config/errors.h"

#include <stdarg.h>
#include <string.h>

#define TEXT_MAX 1024

struct diag {
	struct diag *next;
	struct origin at;
	const char *text;
	bool warning;
};

static bool is_before(const struct origin *a, const struct origin *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->line < b->line;
}

/* Behind all that stand before it or in the same line. */
static void insert(struct diags *d, struct diag *new)
{
	bool behind = d->last && !is_before(&new->at, &d->last->at);
	struct diag **at = behind ? &d->last->next : &d->head;

	while (*at && !is_before(&new->at, &(*at)->at)) {
		at = &(*at)->next;
	}
	new->next = *at;
	*at = new;
	d->last = new;
	d->n += !new->warning;
	d->n_warnings += new->warning;
}

PRINTF(4, 0)
static void add(struct diags *d, const struct origin *at, bool warning, const char *fmt, va_list ap)
{
	struct diag *new = arena_alloc(&d->arena, sizeof(*new));
	char text[TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (new) {
		new->at = *at;
		new->warning = warning;
		new->text = arena_strdup(&d->arena, text);
	}
	if (!new || !new->text) {
		d->no_memory = true;
		return;
	}
	insert(d, new);
}

void diags_add(struct diags *d, const struct origin *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, at, false, fmt, ap);
	va_end(ap);
}

void diags_warn(struct diags *d, const struct origin *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, at, true, fmt, ap);
	va_end(ap);
}

void diags_report(const struct diags *d, struct config_errors *errs)
{
	for (const struct diag *i = d->head; i; i = i->next) {
		if (!i->warning) {
			config_errors_add(errs, i->at.file, i->at.line, "%s", i->text);
		}
	}
}

const char *const *diags_warnings(const struct diags *d, struct arena *a)
{
	const char **texts = arena_alloc(a, (d->n_warnings + 1) * sizeof(*texts));
	size_t n = 0;

	for (const struct diag *i = d->head; texts && i; i = i->next) {
		if (!i->warning) {
			continue;
		}
		texts[n] = i->at.line
				   ? arena_printf(a, "%s:%u: %s", i->at.file, i->at.line, i->text)
				   : arena_printf(a, "%s: %s", i->at.file, i->text);
		if (!texts[n++]) {
			return NULL;
		}
	}
	return texts;
}

void diags_finish(struct diags *d)
{
	arena_finish(&d->arena);
	d->head = d->last = NULL;
	d->n = d->n_warnings = 0;
}

static size_t put_place(char *buf, size_t size, const char *file, unsigned line)
{
	int n = line ? snprintf(buf, size, "%s:%u: ", file, line)
		     : snprintf(buf, size, "%s: ", file);

	return n > 0 ? MIN((size_t)n, size - 1) : 0;
}

void config_errors_add(
	struct config_errors *e, const char *file, unsigned line, const char *fmt, ...)
{
	char buf[TEXT_MAX + 4096];
	size_t place, n;
	va_list ap;

	if (e->n == CONFIG_MAX_ERRORS) {
		e->suppressed++;
		return;
	}
	place = put_place(buf, sizeof(buf), file, line);
	va_start(ap, fmt);
	vsnprintf(buf + place, sizeof(buf) - place, fmt, ap);
	va_end(ap);
	n = strlen(buf) + 1;
	e->text[e->n] = malloc(n);
	if (!e->text[e->n]) {
		e->suppressed++;
		return;
	}
	memcpy(e->text[e->n++], buf, n);
}

void config_errors_finish(struct config_errors *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->text[i]);
	}
	*e = (struct config_errors){0};
}
