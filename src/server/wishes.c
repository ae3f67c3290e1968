#include "server/wishes.h"

#include <errno.h>
#include <stdlib.h>
#include "util/fd.h"

int wishes_add(void *endpoint, struct traffic *t, rv_ticket ticket)
{
	struct endpoints *all = ((struct endpoint *)endpoint)->all;
	struct reload_wish *w = malloc(sizeof(*w));

	if (!w) {
		return -ENOMEM;
	}
	pthread_rwlock_wrlock(&all->lock);
	*w = (struct reload_wish){.traffic = t, .ticket = ticket, .next = all->wishes};
	all->wishes = w;
	pthread_rwlock_unlock(&all->lock);
	fd_event_signal(all->services.notify_fd);
	return 0;
}

struct reload_wish *wishes_take(struct endpoints *all)
{
	struct reload_wish *w;

	pthread_rwlock_wrlock(&all->lock);
	w = TAKE_PTR(all->wishes);
	pthread_rwlock_unlock(&all->lock);
	return w;
}

void wishes_answer(struct reload_wish *w, enum rv_status status, const char *sentence)
{
	while (w) {
		struct reload_wish *next = w->next;

		traffic_answer(w->traffic, w->ticket, status, sentence);
		free(w);
		w = next;
	}
}
