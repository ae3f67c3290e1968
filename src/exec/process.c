#include "exec/process.h"

#include <errno.h>
#include <event2/event.h>
#include <revd/wire.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/fd.h"

#define WRITE_MOST ((size_t)256 << 10)
#define READ_FULL 2048                       /* a terminal gives 4 kB: there may be more */
#define READ_REST 16                         /* buffers of what it has printed before its end */
#define EXIT_TIME {.tv_usec = 200000}        /* from the end of its output to its own */

static void answer(void *ctx, rv_ticket ticket, size_t lines, enum rv_status status,
	const void *data, size_t n)
{
	struct process *p = ctx;
	const struct process_ground *g = p->ground;

	p->answered += lines ? lines : 1;
	p->lines -= lines ? lines : 1;
	if (lines > 0) {
		g->host->complete_lines(g->handle, ticket, lines, status, data, n);
	} else {
		g->host->complete(g->handle, ticket, status, data, n);
	}
}

void process_fail(struct process *p, const char *why)
{
	p->ending = true;
	p->ground->ended(p->ground->ctx, p, why, false);
}

/* Fills the buffer. Returns the bytes, with what read() said last in *ret. */
static size_t read_output(struct process *p, ssize_t *ret)
{
	uint8_t *to = p->ground->buffer;
	size_t n = 0;

	do {
		*ret = read(p->child.out, to + n, PROCESS_BUFFER - n);
		n += *ret > 0 ? (size_t)*ret : 0;
	} while ((*ret >= READ_FULL && n < PROCESS_BUFFER) || (*ret < 0 && errno == EINTR));
	return n;
}

/* One that holds back what it prints answers when it has got enough, so it gets much. */
static bool answers_each(const struct process_ground *g)
{
	return g->frames || g->terminal;
}

/* A request has waited in the process for `wait` ns, which grows with what is in front of
 * it. What does not fit waits with the clients, where its time does not run. Looked at
 * when all that was in it at the last look is answered. */
static void adapt(struct process *p, uint64_t wait)
{
	uint64_t timeout = p->ground->host->timeout(p->ground->handle) * 1000u;

	if (p->answered < p->look || !answers_each(p->ground)) {
		return;
	}
	p->look = p->answered + p->most;
	if (wait < timeout / 8) {
		p->most = MIN((wait < timeout / 64 ? 8 : 2) * p->most, (size_t)PROCESS_MOST);
	} else if (wait > timeout / 4) {
		p->most = MAX(p->most / 2, (size_t)1);
	}
}

/* The answers in n bytes of the buffer. NULL, or why it must end. */
static const char *take_output(struct process *p, size_t n)
{
	const struct process_ground *g = p->ground;
	uint64_t since = p->flights.n > 0 ? flights_at(&p->flights, 0)->since : UINT64_MAX;
	const char *why;

	p->heard = clock_now();
	if (since < p->heard) {
		adapt(p, p->heard - since);
	}
	p->reading = true;
	g->host->hold(g->handle, true);
	why = g->frames ? answers_frames(&p->answers, &p->flights, g->buffer, n)
			: answers_lines(&p->answers, &p->flights, g->buffer, n);
	g->host->hold(g->handle, false);
	p->reading = false;
	return why;
}

/* Its output has ended, or it reads no more: most likely so has it. */
static void expect_end(struct process *p)
{
	static const struct timeval soon = EXIT_TIME;

	p->ending = true;
	event_del(p->readable);
	event_del(p->writable);
	(void)event_add(p->exited, &soon);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;
	const char *why = NULL;
	ssize_t last;
	size_t n = read_output(p, &last);

	(void)fd;
	(void)what;
	if (n > 0) {
		why = take_output(p, n);
	}
	if (why) {
		process_fail(p, why);
		return;
	}
	if (last == 0 || (last < 0 && errno != EAGAIN && n == 0)) {
		expect_end(p);
	}
	p->ground->progress(p->ground->ctx);
}

/* What it has printed before it ended. */
static const char *read_rest(struct process *p)
{
	const char *why = NULL;
	ssize_t last = 1;

	for (int i = 0; i < READ_REST && last > 0 && !why; i++) {
		size_t n = read_output(p, &last);

		why = n > 0 ? take_output(p, n) : NULL;
	}
	return why;
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;
	char why[PROCESS_WHY];
	const char *wrong = read_rest(p);
	int status;

	(void)fd;
	child_signal(&p->child, SIGKILL); /* those that it has left behind */
	if (wrong || what & EV_TIMEOUT || !child_reap(&p->child, &status)) {
		process_fail(p, wrong ? wrong : "closed its output");
		return;
	}
	p->ending = true;
	child_describe(status, why);
	p->ground->ended(p->ground->ctx, p, why, p->answered > 0);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	process_write(p);
	p->ground->progress(p->ground->ctx);
}

static int add_events(struct process *p)
{
	struct event_base *base = p->ground->base;

	p->readable = event_new(base, p->child.out, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(base, p->child.in, EV_WRITE | EV_PERSIST, on_writable, p);
	p->exited = event_new(base, p->child.pidfd, EV_READ, on_exited, p);
	return p->readable && p->writable && p->exited && event_add(p->readable, NULL) == 0 &&
			       event_add(p->exited, NULL) == 0
		       ? errlog_init(&p->err, p->ground->host, p->ground->handle, p->child.err,
				 p->child.pid)
		       : -ENOMEM;
}

struct process *process_create(const struct process_ground *g, size_t max, char why[PROCESS_WHY])
{
	struct process *p = calloc(1, sizeof(*p));

	snprintf(why, PROCESS_WHY, "can't be started: out of memory");
	if (!p) {
		return NULL;
	}
	p->ground = g;
	p->answers = (struct answers){.max = max, .ctx = p, .answer = answer};
	p->flights.first = 1;
	p->last = '\n';
	p->most = p->look = answers_each(g) ? PROCESS_FIRST : PROCESS_MOST;
	if (child_start(&p->child, g->program, g->program->env, g->terminal, why) < 0) {
		free(p);
		return NULL;
	}
	if (add_events(p) < 0) {
		process_destroy(p);
		return NULL;
	}
	p->heard = clock_now();
	return p;
}

static void free_event(struct event *e)
{
	if (e) {
		event_free(e);
	}
}

void process_destroy(struct process *p)
{
	free_event(p->readable);
	free_event(p->writable);
	free_event(p->exited);
	errlog_finish(&p->err);
	reaper_take(p->ground->reaper, &p->child);
	flights_free(&p->flights);
	bytes_free(&p->answers.partial);
	bytes_free(&p->out);
	free(p);
}

/* It is watched for as long as something is unwritten, which on a terminal is often. */
static void watch_writable(struct process *p, bool on)
{
	if (p->watched != on) {
		p->watched = on;
		(void)(on ? event_add(p->writable, NULL) : event_del(p->writable));
	}
}

/* What is taken in part has filled the pipe or the terminal. */
void process_write(struct process *p)
{
	while (p->out.len > 0 && !p->ending) {
		const uint8_t *data = bytes_head(&p->out);
		size_t n = MIN(p->out.len, WRITE_MOST);
		ssize_t k = write(p->child.in, data, n);

		if (k > 0) {
			p->last = data[k - 1];
			bytes_take(&p->out, (size_t)k);
		} else if (k == 0 || (errno != EINTR && errno != EAGAIN)) {
			expect_end(p);
			return;
		}
		if ((k > 0 && (size_t)k < n) || (k < 0 && errno == EAGAIN)) {
			break;
		}
	}
	if (!p->ending) {
		watch_writable(p, p->out.len > 0);
	}
}

bool process_is_quiet(struct process *p)
{
	char byte; /* not into the buffer: what another one has printed may be in there */

	if (p->flights.n > 0 || p->reading || p->ending) {
		return true;
	}
	if (read(p->child.out, &byte, 1) > 0) {
		process_fail(p, "printed something that nobody asked for");
		return false;
	}
	return true;
}
