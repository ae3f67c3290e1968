#include "traffic/backlog.h"

void backlog_watch(struct backlog *b, struct backlog_list *list)
{
	if (!b->watched) {
		LIST_INSERT_HEAD(&list->all, b, watch);
		b->watched = list;
	}
}

void backlog_unwatch(struct backlog *b)
{
	if (b->watched) {
		if (b->watched->next == b) {
			b->watched->next = LIST_NEXT(b, watch);
		}
		LIST_REMOVE(b, watch);
		b->watched = NULL;
	}
}

void backlog_hold(struct backlog *b, struct backlog_queue *queue)
{
	if (!b->held) {
		TAILQ_INSERT_TAIL(queue, b, hold);
		b->held = queue;
	}
}

void backlog_release(struct backlog *b)
{
	if (b->held) {
		TAILQ_REMOVE(b->held, b, hold);
		b->held = NULL;
	}
}

void backlog_destroy(struct backlog *b)
{
	backlog_unwatch(b);
	backlog_release(b);
	while (b->unsent.first) {
		(void)unsent_pop(&b->unsent);
	}
	(void)order_drop(&b->order);
	joiner_finish(&b->joining);
	bytes_free(&b->uncut);
	bytes_free(&b->waiting.records);
	bytes_free(&b->addressed.records);
	free(b);
}
