/*
 * A service for the tests, loaded from plugin_dir: it does what its text says.
 *
 *	wait MS TEXT	TEXT, MS milliseconds later
 *	never...	no answer at all
 *	fail		the status internal
 *	grow N		N bytes
 *	late MS N	N bytes, MS milliseconds later
 *	(empty)		an empty text, 50 milliseconds later
 *	uid		the user that the kernel names
 */
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <revd/service.h>

struct late_worker {
	const struct rv_service_host *host;
	struct rv_service_worker *handle;
	struct late_timer *timers;
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

static int late_attach(void *worker, void *svc, const struct rv_service_host *host,
	struct rv_service_worker *handle, struct rv_err *err)
{
	struct late_worker *w = worker;

	(void)svc;
	(void)err;
	w->host = host;
	w->handle = handle;
	return 0;
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

static int late_uid(struct rv_reply *reply, uid_t uid)
{
	uint8_t *p = rv_reply_room(reply, 32);

	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	reply->len = (size_t)snprintf((char *)p, 32, "%u", uid);
	return RV_STATUS_OK;
}

static int late_call(
	void *svc, void *worker, const struct rv_request *request, struct rv_reply *reply)
{
	struct late_worker *w = worker;
	char text[256];
	size_t n = request->len < sizeof text - 1 ? request->len : sizeof text - 1;

	(void)svc;
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
	if (strncmp(text, "grow ", 5) == 0) {
		return late_grow(reply, strtoul(text + 5, NULL, 10));
	}
	if (strcmp(text, "uid") == 0) {
		return late_uid(reply, request->uid);
	}
	return rv_reply_fail(reply, RV_STATUS_INTERNAL, "as you wish");
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
};
