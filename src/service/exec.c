/*
 * The service `exec`: a program answers, as a process that is given one request after the
 * other, or as one for each of them.
 */
#include <errno.h>
#include <event2/event.h>
#include <revd/service.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "exec/pool.h"
#include "exec/prefix.h"
#include "exec/requests.h"

#define RUN_MOST ((size_t)4096) /* lines that are taken at once */

struct exec_service {
	struct exec_settings settings;
	struct program program;
	struct prefix prefix;
	atomic_uint workers; /* that have been attached */
};

struct exec_worker {
	struct exec_service *service;
	unsigned index;
	struct pool pool;         /* of co-processes, or */
	struct requests requests; /* with mode = request */
};

static int exec_check(const void *cfg, struct rv_err *err)
{
	const struct exec_settings *s = cfg;
	struct prefix prefix;

	if (prefix_parse(&prefix, s->prefix) < 0) {
		snprintf(err->msg, sizeof(err->msg), "it is some of uid, gid, endpoint, transport");
		err->key = "prefix";
		return -EINVAL;
	}
	return program_check(s, err);
}

static int exec_open(void *svc, const void *cfg, struct rv_err *err)
{
	struct exec_service *s = svc;
	int r = exec_check(cfg, err);

	s->settings = *(const struct exec_settings *)cfg;
	r = r == 0 ? prefix_parse(&s->prefix, s->settings.prefix) : r;
	r = r == 0 ? program_init(&s->program, &s->settings, err) : r;
	if (r < 0) {
		program_finish(&s->program);
	}
	return r;
}

static void exec_close(void *svc)
{
	struct exec_service *s = svc;

	program_finish(&s->program);
}

/* All workers together have as many as are configured, and one each at least. */
static size_t share(void *ctx)
{
	const struct exec_worker *w = ctx;
	size_t workers = atomic_load(&w->service->workers), all = w->service->settings.processes;

	return MAX(all / workers + (w->index < all % workers), 1u);
}

static int exec_attach(void *worker, void *svc, const struct rv_service_host *host,
	struct rv_service_worker *handle, struct rv_err *err)
{
	struct exec_worker *w = worker;
	struct exec_service *s = svc;
	const struct pool_setup setup = {.host = host,
		.handle = handle,
		.program = &s->program,
		.frames = s->settings.mode == EXEC_FRAMES,
		.terminal = s->settings.buffering == EXEC_PTY ||
			    (s->settings.buffering == EXEC_AUTO && s->settings.mode == EXEC_LINES),
		.at_once = s->settings.start == EXEC_AT_ONCE,
		.backoff_ns = s->settings.backoff * 1000u,
		.share = share,
		.ctx = w};
	int r;

	w->service = s;
	w->index = atomic_fetch_add(&s->workers, 1);
	if (s->settings.mode == EXEC_REQUEST) {
		w->requests.share = share;
		w->requests.ctx = w;
		requests_init(&w->requests, host, handle, &s->program);
		return 0;
	}
	r = pool_init(&w->pool, &setup);
	if (r < 0) {
		snprintf(err->msg, sizeof(err->msg), "out of memory");
		pool_finish(&w->pool);
	}
	return r;
}

static void exec_detach(void *worker)
{
	struct exec_worker *w = worker;

	if (w->service->settings.mode == EXEC_REQUEST) {
		requests_finish(&w->requests);
	} else {
		pool_finish(&w->pool);
	}
}

static void exec_cancelled(void *worker, rv_ticket ticket)
{
	struct exec_worker *w = worker;

	/* what a co-process has got it answers; that is dropped then */
	if (w->service->settings.mode == EXEC_REQUEST) {
		requests_cancel(&w->requests, ticket);
	}
}

static int exec_call(void *svc, void *worker, const struct rv_request *q, struct rv_reply *reply)
{
	struct exec_service *s = svc;
	struct exec_worker *w = worker;
	char why[PROCESS_WHY], prefix[PREFIX_SIZE];
	struct process *p;
	rv_ticket ticket;

	if (s->settings.mode == EXEC_REQUEST) {
		return requests_call(&w->requests, q, reply);
	}
	if (s->settings.mode == EXEC_LINES && q->len > 0 && memchr(q->data, '\n', q->len)) {
		return rv_reply_fail(reply, RV_STATUS_INVALID_TEXT,
			"the text has more than one line, and the program is asked by lines");
	}
	p = pool_pick(&w->pool, q->max, why);
	if (!p) {
		return rv_reply_fail(reply, RV_STATUS_INTERNAL, "%s", why);
	}
	ticket = reply->host->defer(reply);
	if (!ticket || process_ask(p, ticket, prefix, prefix_write(&s->prefix, q, prefix), q->data,
			       q->len) < 0) {
		return rv_reply_fail(reply, RV_STATUS_INTERNAL, "out of memory");
	}
	pool_asked(&w->pool);
	return RV_REPLY_LATER;
}

/* Whole lines that may be handed on as they are: each short enough, and none ends with
 * CR LF. */
static void measure(struct rv_lines *l, size_t most)
{
	const uint8_t *at = l->in, *end = l->in + l->n, *lf;

	while (l->lines < most && at < end && (lf = memchr(at, '\n', (size_t)(end - at))) &&
		(size_t)(lf - at) <= l->max && (lf == at || lf[-1] != '\r')) {
		at = lf + 1;
		l->lines++;
	}
	l->taken = (size_t)(at - l->in);
}

static void exec_lines(void *svc, void *worker, struct rv_lines *l, rv_ticket ticket)
{
	struct exec_service *s = svc;
	struct exec_worker *w = worker;
	char why[PROCESS_WHY];
	struct process *p;

	if (s->settings.mode != EXEC_LINES || s->prefix.n > 0) {
		return;
	}
	p = pool_pick(&w->pool, l->max, why);
	measure(l, p && p->lines < p->most ? MIN(p->most - p->lines, RUN_MOST) : 0);
	if (l->lines == 0 || process_ask_run(p, ticket, l->lines, l->in, l->taken) < 0) {
		l->taken = l->lines = 0;
		return;
	}
	pool_asked(&w->pool);
}

extern const struct rv_service_ops exec_service;

const struct rv_service_ops exec_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "exec",
	.version = REVD_VERSION,
	.config_size = sizeof(struct exec_settings),
	.service_size = sizeof(struct exec_service),
	.worker_size = sizeof(struct exec_worker),
	.options = settings_options,
	.check = exec_check,
	.open = exec_open,
	.close = exec_close,
	.attach = exec_attach,
	.detach = exec_detach,
	.call = exec_call,
	.cancelled = exec_cancelled,
	.lines_later = exec_lines,
};
