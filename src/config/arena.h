/*
 * Memory that is freed all at once: what a configuration points to. Each piece
 * is an allocation of its own, so that sanitizers see its bounds.
 */
#pragma once

#include <stddef.h>
#include "util/macro.h"

struct arena_piece;

struct arena {
	struct arena_piece *head;
};

/* n zeroed bytes, aligned for anything; NULL if there is no memory. */
void *arena_alloc(struct arena *, size_t n) MUST_CHECK;
/* The n bytes at s and a NUL. */
char *arena_strndup(struct arena *, const char *s, size_t n) MUST_CHECK;
char *arena_strdup(struct arena *, const char *s) MUST_CHECK;
char *arena_printf(struct arena *, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
void arena_finish(struct arena *);
