#include "server/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "util/fd.h"

static void on_detached(void *owner)
{
	struct service *s = owner;
	int fd = s->all->notify_fd; /* s is the main thread's to free after the count */

	atomic_fetch_sub(&s->workers, 1);
	fd_event_signal(fd);
}

static void service_free(struct service *s)
{
	if (s->ops->close && s->block) {
		s->ops->close(s->block);
	}
	free(s->block);
	free(s->on);
	config_unref(s->config);
	free(s);
}

static int attach(struct service *s, unsigned i, struct rv_err *err)
{
	struct rv_service_worker *sw = &s->on[i];
	int r;

	*sw = (struct rv_service_worker){
		.ops = s->ops,
		.name = s->cfg->name,
		.service = s->block,
		.lines = s->ops->lines,
		.lines_later = s->ops->size > offsetof(struct rv_service_ops, lines_later)
				       ? s->ops->lines_later
				       : NULL,
		.timeout_us = s->cfg->timeout,
		.detached = on_detached,
		.owner = s,
	};
	r = traffic_add_service(&s->all->traffics[i], sw, err);
	if (r == 0) {
		atomic_fetch_add(&s->workers, 1);
	}
	return r;
}

static int service_open(struct service *s, struct rv_err *err)
{
	int r;

	s->on = calloc(s->all->n_workers, sizeof(*s->on));
	s->block = calloc(1, MAX(s->ops->service_size, 1u));
	if (!s->on || !s->block) {
		return -ENOMEM;
	}
	r = s->ops->open ? s->ops->open(s->block, s->cfg->values, err) : 0;
	if (r < 0) {
		free(TAKE_PTR(s->block));
		return r;
	}
	for (unsigned i = 0; r == 0 && i < s->all->n_workers; i++) {
		r = attach(s, i, err);
	}
	return r;
}

static void retire(struct service *s)
{
	s->retired = true;
	for (unsigned i = 0; s->on && i < s->all->n_workers; i++) {
		if (s->on[i].attached) {
			traffic_retire_service(&s->all->traffics[i], &s->on[i]);
		}
	}
}

static struct service *find(struct services *all, const struct config_service *cfg)
{
	struct service *s = all->first;

	while (s && (s->retired || s->ops != cfg->ops || !config_service_same(s->cfg, cfg))) {
		s = s->next;
	}
	return s;
}

struct service *service_get(struct services *all, struct config_ref *config,
	const struct config_service *cfg, struct rv_err *err)
{
	struct service *s = find(all, cfg);

	if (s) {
		s->endpoints++;
		return s;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err->msg, sizeof(err->msg), "out of memory");
		return NULL;
	}
	s->all = all;
	s->ops = cfg->ops;
	s->cfg = cfg;
	s->config = config_ref(config);
	s->next = all->first;
	all->first = s;
	if (service_open(s, err) < 0) {
		retire(s);
		return NULL;
	}
	s->endpoints = 1;
	return s;
}

void service_put(struct service *s)
{
	s->endpoints--;
}

void services_drain(struct services *all)
{
	for (struct service *s = all->first; s; s = s->next) {
		for (unsigned i = 0; s->on && !s->retired && i < all->n_workers; i++) {
			traffic_drain_service(&all->traffics[i], &s->on[i]);
		}
	}
}

void services_collect(struct services *all)
{
	struct service **at = &all->first;

	while (*at) {
		struct service *s = *at;

		if (!s->retired && s->endpoints == 0) {
			retire(s);
		}
		if (s->retired && atomic_load(&s->workers) == 0) {
			*at = s->next;
			service_free(s);
		} else {
			at = &s->next;
		}
	}
}
