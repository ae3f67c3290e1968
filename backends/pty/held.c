#include "pty/held.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

struct held_terminal {
	struct held *all;
	struct held_terminal *next, **link; /* link: what leads here */
	struct event *ended;                /* its descriptor is the leader's */
	int master;
};

static void drop(struct held_terminal *t)
{
	int leader = event_get_fd(t->ended);

	event_free(t->ended);
	close(leader);
	close(t->master);
	*t->link = t->next;
	if (t->next) {
		t->next->link = t->link;
	}
	t->all->n--;
	free(t);
}

static void on_ended(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drop(arg);
}

/* Readable when the leader has ended; -1: there is none, or it lives where we can't see it. */
static int open_leader(int master)
{
	pid_t sid = tcgetsid(master);
	int fd = sid > 0 ? (int)syscall(SYS_pidfd_open, sid, 0) : -1;

	if (fd >= 0 && tcgetsid(master) != sid) { /* it has ended, its number may be another's */
		close(fd);
		return -1;
	}
	return fd;
}

static struct held_terminal *add(struct held *all, int master, int leader)
{
	struct held_terminal *t = calloc(1, sizeof(*t));
	struct event *ended = t ? event_new(all->base, leader, EV_READ, on_ended, t) : NULL;

	if (!ended || event_add(ended, NULL) < 0) {
		if (ended) {
			event_free(ended);
		}
		free(t);
		return NULL;
	}
	*t = (struct held_terminal){.all = all,
		.next = all->first,
		.link = &all->first,
		.ended = ended,
		.master = master};
	return t;
}

bool held_take(struct held *all, int master)
{
	int leader = all->n < all->max ? open_leader(master) : -1;
	struct held_terminal *t = leader < 0 ? NULL : add(all, master, leader);

	if (!t) {
		if (leader >= 0) {
			close(leader);
		}
		return false;
	}
	if (t->next) {
		t->next->link = &t->next;
	}
	all->first = t;
	all->n++;
	return true;
}

void held_hand_over(const struct held *all, struct rv_handover *h)
{
	rv_pack_u64(&h->data, all->n);
	for (const struct held_terminal *t = all->first; t; t = t->next) {
		rv_handover_fd(h, t->master);
	}
}

int held_take_over(struct held *all, struct rv_takeover *t)
{
	uint64_t n = rv_unpack_u64(&t->data);

	if (!rv_unpack_ok(&t->data) || n > t->n_fds) {
		return -EBADMSG;
	}
	all->arrived = calloc((size_t)n + 1, sizeof(*all->arrived));
	if (!all->arrived) {
		return -ENOMEM;
	}
	for (; all->n_arrived < n; all->n_arrived++) {
		all->arrived[all->n_arrived] = rv_takeover_fd(t);
	}
	return 0;
}

void held_watch(struct held *all, struct event_base *base, size_t max)
{
	all->base = base;
	all->max = max;
	for (; all->n_arrived > 0; all->n_arrived--) {
		int master = all->arrived[all->n_arrived - 1];

		if (master >= 0 && !held_take(all, master)) {
			close(master);
		}
	}
	free(all->arrived);
	all->arrived = NULL;
}

void held_finish(struct held *all)
{
	for (; all->n_arrived > 0; all->n_arrived--) {
		fd_close_p(&all->arrived[all->n_arrived - 1]);
	}
	free(all->arrived);
	all->arrived = NULL;
	while (all->first) {
		drop(all->first);
	}
}
