#include "server/wishes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "util/fd.h"

int wishes_add(void *endpoint, enum rv_op op, const uint8_t *data, size_t n, struct traffic *t,
	rv_ticket ticket)
{
	struct endpoints *all = ((struct endpoint *)endpoint)->all;
	struct wish *w = calloc(1, sizeof(*w));

	if (!w) {
		return -ENOMEM;
	}
	w->op = op;
	if (n > 0) {
		memcpy(w->text, data, MIN(n, sizeof(w->text) - 1));
	}
	w->traffic = t;
	w->ticket = ticket;
	pthread_rwlock_wrlock(&all->lock);
	w->next = all->wishes;
	all->wishes = w;
	pthread_rwlock_unlock(&all->lock);
	fd_event_signal(all->services.notify_fd);
	return 0;
}

struct wish *wishes_take(struct endpoints *all, enum rv_op op)
{
	struct wish *taken = NULL, **at = &all->wishes;

	pthread_rwlock_wrlock(&all->lock);
	while (*at) {
		struct wish *w = *at;

		if (w->op == op) {
			*at = w->next;
			w->next = taken;
			taken = w;
		} else {
			at = &w->next;
		}
	}
	pthread_rwlock_unlock(&all->lock);
	return taken;
}

void wishes_answer(struct wish *w, enum rv_status status, const char *text)
{
	while (w) {
		struct wish *next = w->next;

		traffic_answer(w->traffic, w->ticket, status, text);
		free(w);
		w = next;
	}
}
