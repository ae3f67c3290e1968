#include "config/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct arena_piece {
	struct arena_piece *next;
	max_align_t data[];
};

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_piece *p;
	size_t size;

	if (__builtin_add_overflow(n, sizeof(*p), &size)) {
		return NULL;
	}
	p = calloc(1, size);
	if (!p) {
		return NULL;
	}
	p->next = a->head;
	a->head = p;
	return p->data;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	if (p) {
		memcpy(p, s, n);
	}
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0) {
		p = arena_alloc(a, (size_t)n + 1);
	}
	if (p) {
		va_start(ap, fmt);
		vsnprintf(p, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	return p;
}

void arena_finish(struct arena *a)
{
	while (a->head) {
		struct arena_piece *p = a->head;

		a->head = p->next;
		free(p);
	}
}
