#include "traffic/traffic.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include "traffic/backend_host.h"
#include "traffic/deferred.h"
#include "traffic/drain.h"
#include "traffic/keeper.h"
#include "traffic/peer.h"
#include "traffic/post.h"
#include "traffic/timeouts.h"

#define GIVE_BACK ((size_t)8 << 20) /* freed bytes of backlogs that malloc() may keep */

/* The worker's hooks. */

/* Has what was released left something for the end of a turn? */
static bool wants_turn(const struct traffic *t)
{
	bool wants = t->release;

	for (const struct rv_instance *in = t->instances; in; in = in->next) {
		wants |= in->dying || in->draining;
	}
	return wants;
}

static void release(struct traffic *t)
{
	deferred_release(t);
	if (wants_turn(t)) {
		worker_wake(&t->worker);
	}
}

static void on_turn_end(void *ctx)
{
	struct traffic *t = ctx;

	for (struct rv_instance *in = t->instances, *next; in; in = next) {
		next = in->next;
		if (in->dying) {
			peers_free_dying(in);
		}
		if (in->draining) {
			drain_check(in);
			t->worker.ending = true; /* until it is over */
		}
	}
	if (t->release) { /* perhaps by those who have just been told of an end */
		release(t);
	}
	if (t->retired) {
		service_workers_collect(t);
		t->worker.ending |= t->retired != NULL;
	}
	if (UNLIKELY(t->freed >= GIVE_BACK)) {
		worker_want_tick(&t->worker);
	}
}

static void on_woken(void *ctx)
{
	struct traffic *t = ctx;

	for (struct rv_instance *in = t->instances, *next; in; in = next) {
		next = in->next;
		post_run(in);
	}
}

static bool on_tick(void *ctx)
{
	struct traffic *t = ctx;
	bool due = timeouts_check(t), young = keeper_tick(t);

	if (t->freed >= GIVE_BACK) {
		t->freed = 0;
		malloc_trim(0);
	}
	return due || young;
}

static enum worker_look on_look(void *ctx, bool sleep)
{
	struct traffic *t = ctx;
	enum worker_look found = WORKER_LOOK_VAIN;

	for (struct rv_instance *in = t->polled, *next; in; in = next) {
		enum rv_poll r = in->ops->poll(in->block, sleep);

		next = in->next_polled;
		if (r != RV_POLL_NOBODY) {
			found = MAX(found,
				r == RV_POLL_SERVED ? WORKER_LOOK_SERVED : WORKER_LOOK_NOTHING);
		}
	}
	return found;
}

static const struct worker_hooks hooks = {
	.turn_end = on_turn_end,
	.woken = on_woken,
	.tick = on_tick,
	.look = on_look,
};

static const struct rv_service_ops control_ops = {.name = "control"};

int traffic_start(struct traffic *t, unsigned index, struct event_base *base)
{
	t->control = calloc(1, sizeof(*t->control));
	if (!t->control) {
		return -ENOMEM;
	}
	t->control->traffic = t;
	t->control->ops = &control_ops;
	t->control->name = control_ops.name;
	return worker_start(&t->worker, index, base, &hooks, t);
}

void traffic_stop(struct traffic *t)
{
	if (t->control) {
		worker_stop(&t->worker);
	}
	keeper_stop(t);
	free(TAKE_PTR(t->control));
	tickets_finish(&t->tickets);
	free(TAKE_PTR(t->scratch));
}

/* Instances. */

int instance_init(struct rv_instance *in, struct traffic *t, const struct rv_backend_ops *ops,
	const struct endpoint_hooks *endpoint_hooks, const struct endpoint_reports *reports,
	void *owner)
{
	in->traffic = t;
	in->worker = &t->worker;
	in->ops = ops;
	in->hooks = endpoint_hooks;
	in->reports = reports;
	in->owner = owner;
	in->stride = PEER_SIZE + ((ops->peer_size + 7u) & ~(size_t)7u);
	LIST_INIT(&in->watched.all);
	TAILQ_INIT(&in->held);
	pthread_mutex_init(&in->post_lock, NULL);
	in->posts_end = &in->posts;
	in->block = calloc(1, MAX(ops->instance_size, 1u));
	return in->block ? 0 : -ENOMEM;
}

void instance_finish(struct rv_instance *in)
{
	if (in->traffic) {
		pthread_mutex_destroy(&in->post_lock);
	}
	free(TAKE_PTR(in->block));
}

struct attach_arg {
	struct rv_instance *in;
	void *endpoint_block;
	const struct instance_settings *settings;
	struct takeover_peers *peers;
	struct rv_err *err;
	int r;
};

static void apply(struct rv_instance *in, const struct instance_settings *s)
{
	in->name = s->name;
	in->address = s->address;
	in->cfg = s->cfg;
	in->service = s->service;
	in->limits = s->limits;
}

/* The longest of its instances' is the worker's. */
static void update_spin(struct traffic *t)
{
	t->worker.spin_ns = 0;
	for (const struct rv_instance *in = t->instances; in; in = in->next) {
		t->worker.spin_ns = MAX(t->worker.spin_ns, in->limits.spin_ns);
	}
}

static void update_polled(struct traffic *t)
{
	t->polled = NULL;
	for (struct rv_instance *in = t->instances; in; in = in->next) {
		if (in->ops->size > offsetof(struct rv_backend_ops, poll) && in->ops->poll) {
			in->next_polled = t->polled;
			t->polled = in;
		}
	}
}

static void do_attach(struct worker *w, void *p)
{
	struct attach_arg *a = p;
	struct rv_instance *in = a->in;

	(void)w;
	apply(in, a->settings);
	in->attached = true;
	in->tells_errors = in->ops->size > offsetof(struct rv_backend_ops, commit_error) &&
			   in->ops->commit_error;
	a->r = in->ops->attach(in->block, a->endpoint_block, &backend_host, in, a->err);
	if (a->r < 0) {
		in->attached = false;
		peers_finish(in);
		post_run(in);
		return;
	}
	in->next = in->traffic->instances;
	in->traffic->instances = in;
	update_polled(in->traffic);
	update_spin(in->traffic);
	if (a->peers) {
		takeover_unpack(in, a->peers); /* before anything new comes */
	}
}

int instance_attach(struct rv_instance *in, void *endpoint_block,
	const struct instance_settings *settings, struct takeover_peers *peers, struct rv_err *err)
{
	struct attach_arg a = {.in = in,
		.endpoint_block = endpoint_block,
		.settings = settings,
		.peers = peers,
		.err = err};

	worker_call(in->worker, do_attach, &a);
	return a.r;
}

/* The new service knows nobody yet. */
static void forget(struct rv_instance *in, struct peer *p, void *arg)
{
	(void)in;
	(void)arg;
	p->bits &= (uint16_t)~PEER_KNOWN;
}

static void do_update(struct worker *w, void *p)
{
	struct attach_arg *a = p;
	struct rv_instance *in = a->in;

	if (in->service != a->settings->service) {
		peers_each(in, forget, NULL);
		in->traffic->release = true; /* it may take what the old one did not */
		in->worker->ending = true;
	}
	apply(in, a->settings);
	update_spin(in->traffic);
	if (in->limits.idle_ns) {
		worker_want_tick(w);
	}
}

void instance_update(struct rv_instance *in, const struct instance_settings *settings)
{
	struct attach_arg a = {.in = in, .settings = settings};

	worker_call(in->worker, do_update, &a);
}

static void do_drain(struct worker *w, void *p)
{
	struct rv_instance *in = p;

	(void)w;
	in->draining = true;
	in->worker->ending = true;
	in->ops->drain(in->block);
}

void instance_drain(struct rv_instance *in)
{
	worker_call(in->worker, do_drain, in);
}

static void look_at_peer(struct rv_instance *in, struct peer *p, void *arg)
{
	(void)in;
	*(bool *)arg &= peer_is_idle(p);
}

bool instance_is_idle(struct rv_instance *in)
{
	bool idle = true;

	peers_each(in, look_at_peer, &idle);
	return idle;
}

static void unlink_instance(struct rv_instance *in)
{
	struct rv_instance **at = &in->traffic->instances;

	while (*at && *at != in) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = in->next;
	}
	update_polled(in->traffic);
	update_spin(in->traffic);
}

static void do_detach(struct worker *w, void *p)
{
	struct rv_instance *in = p;

	(void)w;
	deferred_stop(in);
	unlink_instance(in);
	in->ops->detach(in->block);
	in->attached = false;
	peers_finish(in);
	post_run(in);
}

void instance_detach(struct rv_instance *in)
{
	worker_call(in->worker, do_detach, in);
}

/* Services. */

struct service_arg {
	struct rv_service_worker *sw;
	struct traffic *traffic;
	struct rv_err *err;
	int r;
};

static void do_add_service(struct worker *w, void *p)
{
	struct service_arg *a = p;

	(void)w;
	a->sw->host = &deferred_host;
	a->r = service_worker_attach(a->sw, a->traffic, a->err);
}

int traffic_add_service(struct traffic *t, struct rv_service_worker *sw, struct rv_err *err)
{
	struct service_arg a = {.sw = sw, .traffic = t, .err = err};

	worker_call(&t->worker, do_add_service, &a);
	return a.r;
}

static void do_drain_service(struct worker *w, void *p)
{
	(void)w;
	service_worker_drain(p);
}

void traffic_drain_service(struct traffic *t, struct rv_service_worker *sw)
{
	worker_call(&t->worker, do_drain_service, sw);
}

static void do_retire_service(struct worker *w, void *p)
{
	(void)w;
	service_worker_retire(p);
}

void traffic_retire_service(struct traffic *t, struct rv_service_worker *sw)
{
	worker_call(&t->worker, do_retire_service, sw);
}

static void do_quiesce(struct worker *w, void *p)
{
	(void)w;
	deferred_quiesce(p);
}

void traffic_quiesce(struct traffic *t)
{
	worker_call(&t->worker, do_quiesce, t);
}

struct pending_arg {
	const struct traffic *traffic;
	size_t n;
};

static void do_count_pending(struct worker *w, void *p)
{
	struct pending_arg *a = p;

	(void)w;
	a->n = a->traffic->tickets.used;
}

size_t traffic_pending(struct traffic *t)
{
	struct pending_arg a = {.traffic = t};

	worker_call(&t->worker, do_count_pending, &a);
	return a.n;
}

static void do_give_up(struct worker *w, void *p)
{
	(void)w;
	deferred_give_up(p);
}

void traffic_give_up(struct traffic *t)
{
	worker_call(&t->worker, do_give_up, t);
}

void traffic_halt(struct traffic *t)
{
	worker_halt(&t->worker);
	keeper_leave(t);
}

struct answer_arg {
	struct traffic *traffic;
	rv_ticket ticket;
	enum rv_status status;
	const char *sentence;
};

static void do_answer(struct worker *w, void *p)
{
	const struct answer_arg *a = p;

	(void)w;
	deferred_host.complete(
		a->traffic->control, a->ticket, a->status, a->sentence, strlen(a->sentence));
}

void traffic_answer(
	struct traffic *t, rv_ticket ticket, enum rv_status status, const char *sentence)
{
	struct answer_arg a = {
		.traffic = t, .ticket = ticket, .status = status, .sentence = sentence};

	worker_call(&t->worker, do_answer, &a);
}
