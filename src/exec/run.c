#include "exec/run.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "exec/prefix.h"
#include "util/quote.h"

#define READ_AT_ONCE ((size_t)64 << 10)
#define READ_REST 256 /* reads of what is there when it has ended */

static void end(struct run *r, enum rv_status status, const void *data, size_t n)
{
	r->ground->ended(r->ground->ctx, r, status, data, n);
}

static void fail(struct run *r, enum rv_status status, const char *why)
{
	end(r, status, why, strlen(why));
}

static void write_input(struct run *r)
{
	while (r->in.len > 0) {
		ssize_t k = write(r->child.in, bytes_head(&r->in), r->in.len);

		if (k > 0) {
			bytes_take(&r->in, (size_t)k);
		} else if (k < 0 && errno == EAGAIN) {
			(void)event_add(r->writable, NULL);
			return;
		} else if (k == 0 || errno != EINTR) {
			bytes_take(&r->in, r->in.len); /* it wants no more */
		}
	}
	event_del(r->writable);
	child_close_input(&r->child);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	write_input(arg);
}

/* One read: bytes, 0 at the end, or -errno. */
static ssize_t read_output(struct run *r)
{
	size_t n = MIN(READ_AT_ONCE, r->max + 2 - r->out.len);
	ssize_t k;

	if (bytes_reserve(&r->out, n) < 0) {
		return -ENOMEM;
	}
	do {
		k = read(r->child.out, bytes_tail(&r->out), n);
	} while (k < 0 && errno == EINTR);
	r->out.len += k > 0 ? (size_t)k : 0;
	return k < 0 ? -errno : k;
}

/* The LF at the end is not a part of the reply. */
static size_t reply_size(const struct run *r)
{
	size_t n = r->out.len;

	return n > 0 && bytes_head(&r->out)[n - 1] == '\n' ? n - 1 : n;
}

static bool is_too_much(const struct run *r)
{
	return reply_size(r) > r->max;
}

static void refuse_output(struct run *r)
{
	char why[RUN_WHY];

	snprintf(why, sizeof(why), "the program printed more than %zu bytes", r->max);
	fail(r, RV_STATUS_TOO_LARGE, why);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	ssize_t k = read_output(r);

	(void)fd;
	(void)what;
	if (is_too_much(r)) {
		refuse_output(r);
	} else if (k == -ENOMEM) {
		fail(r, RV_STATUS_INTERNAL, "out of memory");
	} else if (k == 0 || (k < 0 && k != -EAGAIN)) {
		event_del(r->readable); /* its end follows */
	}
}

/* What it says of itself, or else how it ended. */
static void answer_failure(struct run *r, int status)
{
	char why[RUN_WHY], sentence[RUN_WHY + 32];

	if (r->err.last_n > 0) {
		quote_text(r->err.last, r->err.last_n, sentence, sizeof(sentence));
	} else {
		child_describe(status, why);
		snprintf(sentence, sizeof(sentence), "the program %s", why);
	}
	fail(r, RV_STATUS_INTERNAL, sentence);
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	ssize_t k = 1;
	int status = 0;

	(void)fd;
	(void)what;
	child_signal(&r->child, SIGKILL); /* those that it has left behind */
	for (int i = 0; i < READ_REST && k > 0 && !is_too_much(r); i++) {
		k = read_output(r);
	}
	errlog_finish(&r->err);
	if (!child_reap(&r->child, &status)) {
		fail(r, RV_STATUS_INTERNAL, "the end of the program is not known");
	} else if (status != 0) {
		answer_failure(r, status);
	} else if (is_too_much(r)) {
		refuse_output(r);
	} else {
		end(r, RV_STATUS_OK, bytes_head(&r->out), reply_size(r));
	}
}

static int start(struct run *r, const struct rv_request *q, char why[RUN_WHY])
{
	const struct program *program = r->ground->program;
	char buf[PREFIX_SIZE], *who[PREFIX_FIELDS];
	size_t n = 0, k = prefix_variables(q, buf, who);
	CLEANUP_FREE char **env = NULL;

	while (program->env[n]) {
		n++;
	}
	env = calloc(k + n + 1, sizeof(*env));
	if (!env) {
		return -ENOMEM;
	}
	memcpy(env, who, k * sizeof(*env));
	memcpy(env + k, program->env, n * sizeof(*env));
	return child_start(&r->child, program, env, false, why);
}

static int add_events(struct run *r)
{
	const struct rv_service_host *host = r->ground->host;
	struct event_base *base = host->event_base(r->ground->handle);

	r->readable = event_new(base, r->child.out, EV_READ | EV_PERSIST, on_readable, r);
	r->writable = event_new(base, r->child.in, EV_WRITE, on_writable, r);
	r->exited = event_new(base, r->child.pidfd, EV_READ, on_exited, r);
	return r->readable && r->writable && r->exited && event_add(r->readable, NULL) == 0 &&
			       event_add(r->exited, NULL) == 0
		       ? errlog_init(&r->err, host, r->ground->handle, r->child.err, r->child.pid)
		       : -ENOMEM;
}

struct run *run_create(const struct run_ground *g, const struct rv_request *q, char why[RUN_WHY])
{
	struct run *r = calloc(1, sizeof(*r));

	snprintf(why, RUN_WHY, "can't be started: out of memory");
	if (!r) {
		return NULL;
	}
	r->ground = g;
	r->max = q->max;
	if (bytes_put(&r->in, q->data, q->len) < 0 || start(r, q, why) < 0) {
		bytes_free(&r->in);
		free(r);
		return NULL;
	}
	if (add_events(r) < 0) {
		run_destroy(r);
		return NULL;
	}
	write_input(r);
	return r;
}

static void free_event(struct event *e)
{
	if (e) {
		event_free(e);
	}
}

void run_destroy(struct run *r)
{
	free_event(r->readable);
	free_event(r->writable);
	free_event(r->exited);
	errlog_finish(&r->err);
	reaper_take(r->ground->reaper, &r->child);
	bytes_free(&r->in);
	bytes_free(&r->out);
	free(r);
}
