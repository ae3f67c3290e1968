#include "exec/flights.h"

#include <errno.h>
#include <stdlib.h>

static int grow(struct flights *f)
{
	size_t size = f->size ? 2 * f->size : 16;
	struct flight *ring = malloc(size * sizeof(*ring));

	if (!ring) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < f->n; i++) {
		ring[i] = *flights_at(f, i);
	}
	free(f->ring);
	f->ring = ring;
	f->size = size;
	f->head = 0;
	return 0;
}

int flights_push(struct flights *f, const struct flight *what)
{
	if (f->n == f->size && grow(f) < 0) {
		return -ENOMEM;
	}
	*flights_at(f, f->n++) = *what;
	return 0;
}

void flights_pop(struct flights *f)
{
	f->head = (f->head + 1) & (f->size - 1);
	f->n--;
	f->first++;
}

void flights_free(struct flights *f)
{
	free(f->ring);
	*f = (struct flights){0};
}
