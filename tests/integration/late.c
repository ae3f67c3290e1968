/*
 * A service for the tests, loaded from plugin_dir: it does what its text says.
 *
 *	wait MS TEXT	TEXT, MS milliseconds later
 *	never...	no answer at all
 *	hang		never comes back: the worker stands still
 *	fail		the status internal
 *	grow N		N bytes
 *	late MS N	N bytes, MS milliseconds later
 *	(empty)		an empty text, 50 milliseconds later
 *	uid		the user that the kernel names
 *	who		the id of the client
 *	hold TEXT	TEXT, when it is released, or when the service is told to drain
 *	release		answers all that is held, in order; how many these are
 *	release-last	the same, the last one first
 *	pause		"pause"; takes no more until somebody writes to late_gate
 *	n-held		how many are held now; and so far:
 *	n-most		the most that were held at once
 *	n-early		requests that came in spite of a pause
 *	n-gone		clients that have ended
 *	n-cancelled	requests that nobody waits for any more
 */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>
#include <revd/service.h>

/* An eventfd that ends a pause, for tests that this is linked into; -1: there is none. */
int late_gate = -1;

TAILQ_HEAD(late_queue, late_held);

struct late_held {
	TAILQ_ENTRY(late_held) entry;
	rv_ticket ticket;
	size_t n;
	char text[];
};

struct late_worker {
	const struct rv_service_host *host;
	struct rv_service_worker *handle;
	struct late_timer *timers;
	struct event *release, *gate;
	struct late_queue held;
	bool last_first, paused;
	size_t n_held, n_most, n_early, n_gone, n_cancelled;
};

struct late_timer {
	struct late_worker *worker;
	struct late_timer *next, **at;
	struct event *event;
	rv_ticket ticket;
	size_t n;
	char text[];
};

static const struct rv_option late_options[] = {{NULL}};

/* Held requests. */

static void held_destroy(struct late_worker *w, struct late_held *h)
{
	TAILQ_REMOVE(&w->held, h, entry);
	w->n_held--;
	free(h);
}

static int late_hold(struct late_worker *w, struct rv_reply *reply, const char *text, size_t n)
{
	struct late_held *h = calloc(1, sizeof *h + n);

	if (!h) {
		return RV_STATUS_INTERNAL;
	}
	h->ticket = w->host->defer(reply);
	if (!h->ticket) {
		free(h);
		return RV_STATUS_INTERNAL;
	}
	memcpy(h->text, text, n);
	h->n = n;
	TAILQ_INSERT_TAIL(&w->held, h, entry);
	w->n_held++;
	w->n_most = w->n_held > w->n_most ? w->n_held : w->n_most;
	return RV_REPLY_LATER;
}

static void late_release_all(evutil_socket_t fd, short what, void *arg)
{
	struct late_worker *w = arg;
	struct late_held *h;

	(void)fd;
	(void)what;
	while ((h = w->last_first ? TAILQ_LAST(&w->held, late_queue) : TAILQ_FIRST(&w->held))) {
		w->host->complete(w->handle, h->ticket, RV_STATUS_OK, h->text, h->n);
		held_destroy(w, h);
	}
}

static void late_cancelled(void *worker, rv_ticket ticket)
{
	struct late_worker *w = worker;
	struct late_held *h;

	w->n_cancelled++;
	TAILQ_FOREACH(h, &w->held, entry)
	{
		if (h->ticket == ticket) {
			held_destroy(w, h);
			return;
		}
	}
}

static void late_gone(void *worker, uint64_t client)
{
	struct late_worker *w = worker;

	(void)client;
	w->n_gone++;
}

static void late_drain(void *worker)
{
	struct late_worker *w = worker;

	event_active(w->release, EV_TIMEOUT, 0);
}

static void late_gate_opened(evutil_socket_t fd, short what, void *arg)
{
	struct late_worker *w = arg;
	eventfd_t n;

	(void)what;
	eventfd_read(fd, &n);
	w->paused = false;
	w->host->resume(w->handle);
}

static int late_attach(void *worker, void *svc, const struct rv_service_host *host,
	struct rv_service_worker *handle, struct rv_err *err)
{
	struct late_worker *w = worker;

	(void)svc;
	(void)err;
	w->host = host;
	w->handle = handle;
	TAILQ_INIT(&w->held);
	w->release = event_new(host->event_base(handle), -1, 0, late_release_all, w);
	if (late_gate >= 0) {
		w->gate = event_new(
			host->event_base(handle), late_gate, EV_READ, late_gate_opened, w);
	}
	return w->release ? 0 : -ENOMEM;
}

static void timer_destroy(struct late_timer *t)
{
	*t->at = t->next;
	if (t->next) {
		t->next->at = t->at;
	}
	event_free(t->event);
	free(t);
}

static void late_detach(void *worker)
{
	struct late_worker *w = worker;

	while (w->timers) {
		timer_destroy(w->timers);
	}
	while (!TAILQ_EMPTY(&w->held)) {
		held_destroy(w, TAILQ_FIRST(&w->held));
	}
	event_free(w->release);
	if (w->gate) {
		event_free(w->gate);
	}
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct late_timer *t = arg;
	struct late_worker *w = t->worker;

	(void)fd;
	(void)what;
	w->host->complete(w->handle, t->ticket, RV_STATUS_OK, t->text, t->n);
	timer_destroy(t);
}

/* The n bytes at text, or as many of 'g' if it is NULL. */
static int late_answer(
	struct late_worker *w, struct rv_reply *reply, unsigned long ms, const char *text, size_t n)
{
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
	struct late_timer *t = calloc(1, sizeof *t + n);

	if (!t) {
		return RV_STATUS_INTERNAL;
	}
	t->event = event_new(w->host->event_base(w->handle), -1, 0, timer_fired, t);
	if (!t->event || event_add(t->event, &tv) < 0) {
		free(t);
		return RV_STATUS_INTERNAL;
	}
	if (text) {
		memcpy(t->text, text, n);
	} else {
		memset(t->text, 'g', n);
	}
	t->n = n;
	t->worker = w;
	t->at = &w->timers;
	t->next = w->timers;
	if (t->next) {
		t->next->at = &t->next;
	}
	w->timers = t;
	t->ticket = w->host->defer(reply);
	if (!t->ticket) {
		timer_destroy(t);
		return RV_STATUS_INTERNAL;
	}
	return RV_REPLY_LATER;
}

static int late_wait(struct late_worker *w, struct rv_reply *reply, const char *text, size_t n)
{
	char *rest;
	unsigned long ms = strtoul(text, &rest, 10);

	return late_answer(w, reply, ms, rest, n - (size_t)(rest - text));
}

static int late_late(struct late_worker *w, struct rv_reply *reply, const char *text)
{
	char *rest;
	unsigned long ms = strtoul(text, &rest, 10);

	return late_answer(w, reply, ms, NULL, strtoul(rest, NULL, 10));
}

static int late_grow(struct rv_reply *reply, size_t n)
{
	uint8_t *p = rv_reply_room(reply, n);

	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	memset(p, 'g', n);
	reply->len = n;
	return RV_STATUS_OK;
}

static int late_number(struct rv_reply *reply, uint64_t number)
{
	uint8_t *p = rv_reply_room(reply, 32);

	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	reply->len = (size_t)snprintf((char *)p, 32, "%" PRIu64, number);
	return RV_STATUS_OK;
}

static int late_release(struct late_worker *w, struct rv_reply *reply, bool last_first)
{
	w->last_first = last_first;
	event_active(w->release, EV_TIMEOUT, 0); /* not from inside of a call */
	return late_number(reply, w->n_held);
}

static int late_pause(struct late_worker *w, struct rv_reply *reply)
{
	uint8_t *p = rv_reply_room(reply, 5);

	if (!p || !w->gate || event_add(w->gate, NULL) < 0) {
		return RV_STATUS_INTERNAL;
	}
	memcpy(p, "pause", 5);
	reply->len = 5;
	w->paused = true;
	w->host->pause(w->handle);
	return RV_STATUS_OK;
}

/* One of the words that are answered with a number. */
static int late_word(struct late_worker *w, const struct rv_request *request, const char *text,
	struct rv_reply *reply)
{
	const struct {
		const char *word;
		uint64_t number;
	} words[] = {
		{"uid", request->uid},
		{"who", request->client},
		{"n-held", w->n_held},
		{"n-most", w->n_most},
		{"n-early", w->n_early},
		{"n-gone", w->n_gone},
		{"n-cancelled", w->n_cancelled},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(text, words[i].word) == 0) {
			return late_number(reply, words[i].number);
		}
	}
	return rv_reply_fail(reply, RV_STATUS_INTERNAL, "as you wish");
}

static int late_call(
	void *svc, void *worker, const struct rv_request *request, struct rv_reply *reply)
{
	struct late_worker *w = worker;
	char text[256];
	size_t n = request->len < sizeof text - 1 ? request->len : sizeof text - 1;

	(void)svc;
	w->n_early += w->paused;
	memcpy(text, request->data, n);
	text[n] = '\0';
	if (strncmp(text, "wait ", 5) == 0) {
		return late_wait(w, reply, text + 5, n - 5);
	}
	if (strncmp(text, "late ", 5) == 0) {
		return late_late(w, reply, text + 5);
	}
	if (n == 0) {
		return late_answer(w, reply, 50, "", 0);
	}
	if (strncmp(text, "never", 5) == 0) {
		return w->host->defer(reply) ? RV_REPLY_LATER : RV_STATUS_INTERNAL;
	}
	while (strncmp(text, "hang", 4) == 0) {
		pause();
	}
	if (strncmp(text, "grow ", 5) == 0) {
		return late_grow(reply, strtoul(text + 5, NULL, 10));
	}
	if (strncmp(text, "hold ", 5) == 0) {
		return late_hold(w, reply, text + 5, n - 5);
	}
	if (strncmp(text, "release", 7) == 0) {
		return late_release(w, reply, text[7] != '\0');
	}
	if (strcmp(text, "pause") == 0) {
		return late_pause(w, reply);
	}
	return late_word(w, request, text, reply);
}

__attribute__((visibility("default"))) const struct rv_service_ops revd_service;

const struct rv_service_ops revd_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "late",
	.version = "1",
	.options = late_options,
	.worker_size = sizeof(struct late_worker),
	.attach = late_attach,
	.detach = late_detach,
	.call = late_call,
	.cancelled = late_cancelled,
	.gone = late_gone,
	.drain = late_drain,
};
