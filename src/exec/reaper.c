#include "exec/reaper.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include "util/fd.h"

#define END_MS 1000 /* a killed process that has not ended by then hangs in the kernel */

struct corpse {
	struct corpse *next;
	struct reaper *of;
	struct child child;
	struct event *event;
};

static void corpse_free(struct corpse *c)
{
	struct corpse **at = &c->of->first;

	while (*at != c) {
		at = &(*at)->next;
	}
	*at = c->next;
	event_free(c->event);
	child_close(&c->child);
	free(c);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct corpse *c = arg;
	int status;

	(void)fd;
	(void)what;
	if (child_reap(&c->child, &status)) {
		corpse_free(c);
	}
}

static void wait_for(struct child *child)
{
	struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
	int status;

	(void)poll(&p, 1, END_MS);
	(void)child_reap(child, &status);
	child_close(child);
}

/* Without memory it is waited for here and now. */
static void keep(struct reaper *r, struct child *child)
{
	struct corpse *c = calloc(1, sizeof(*c));

	if (c) {
		c->event = event_new(r->base, child->pidfd, EV_READ | EV_PERSIST, on_ended, c);
	}
	if (!c || !c->event || event_add(c->event, NULL) < 0) {
		if (c && c->event) {
			event_free(c->event);
		}
		free(c);
		wait_for(child);
		return;
	}
	c->of = r;
	c->child = *child;
	c->next = r->first;
	r->first = c;
}

void reaper_take(struct reaper *r, struct child *child)
{
	int status;

	child_signal(child, SIGKILL);
	child_close_input(child);
	if (child->pidfd < 0 || child_reap(child, &status)) {
		child_close(child);
		return;
	}
	child->out = fd_close(child->out);
	child->err = fd_close(child->err);
	keep(r, child);
}

void reaper_finish(struct reaper *r)
{
	while (r->first) {
		struct corpse *c = r->first;
		struct child child = c->child;

		c->child = (struct child){.pidfd = -1, .in = -1, .out = -1, .err = -1};
		corpse_free(c);
		wait_for(&child);
	}
}
