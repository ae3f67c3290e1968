#include "exec/process.h"

#include <revd/wire.h>
#include "util/clock.h"

static int note(struct process *p, rv_ticket ticket, size_t lines, size_t bytes)
{
	const struct flight f = {.ticket = ticket,
		.lines = (uint32_t)lines,
		.start = p->queued,
		.since = clock_now()};

	if (p->flights.n == 0) {
		p->heard = f.since;
	}
	p->queued += bytes;
	p->lines += lines ? lines : 1;
	return flights_push(&p->flights, &f);
}

static void put_header(struct process *p, size_t n)
{
	const struct rv_frame f = {.version = RV_FRAME_VERSION,
		.code = RV_OP_CALL,
		.length = (uint32_t)n,
		.id = p->flights.first + p->flights.n};

	rv_frame_store(bytes_tail(&p->out), &f);
	p->out.len += RV_FRAME_HEADER;
}

static void put(struct process *p, const void *data, size_t n)
{
	if (n > 0) {
		memcpy(bytes_tail(&p->out), data, n);
		p->out.len += n;
	}
}

int process_ask(struct process *p, rv_ticket ticket, const void *prefix, size_t prefix_n,
	const void *text, size_t n)
{
	bool frames = p->ground->frames;
	size_t before = p->out.len;
	int r = bytes_reserve(&p->out, RV_FRAME_HEADER + prefix_n + n + 1);

	if (r < 0) {
		return r;
	}
	if (frames) {
		put_header(p, prefix_n + n);
	}
	put(p, prefix, prefix_n);
	put(p, text, n);
	if (!frames) {
		put(p, "\n", 1);
	}
	r = note(p, ticket, 0, p->out.len - before);
	p->out.len = r < 0 ? before : p->out.len;
	return r;
}

int process_ask_run(
	struct process *p, rv_ticket ticket, size_t lines, const void *data, size_t n)
{
	int r = bytes_put(&p->out, data, n);

	if (r == 0) {
		r = note(p, ticket, lines, n);
		p->out.len -= r < 0 ? n : 0;
	}
	return r;
}

/* Lines in n bytes. */
static size_t count_lines(const uint8_t *data, size_t n)
{
	size_t lines = 0;

	for (const uint8_t *lf; n > 0 && (lf = memchr(data, '\n', n)); lines++) {
		n -= (size_t)(lf + 1 - data);
		data = lf + 1;
	}
	return lines;
}

/* Of a run that was written in part: the lines that were not begun go on, *ret_skip bytes
 * into the rest. */
static size_t lines_left(
	const struct process *p, const struct flight *f, size_t n, size_t *ret_skip)
{
	const uint8_t *rest = bytes_head(&p->out);
	const uint8_t *lf = n > 0 && p->last != '\n' ? memchr(rest, '\n', n) : NULL;

	*ret_skip = lf ? (size_t)(lf + 1 - rest) : 0;
	return MIN(count_lines(rest + *ret_skip, n - *ret_skip), f->lines);
}

/* A request, or what is left of a run, that is n bytes. */
static int hand_on(struct process *to, const struct flight *f, size_t lines, const uint8_t *data,
	size_t n)
{
	if (f->lines > 0) {
		return process_ask_run(to, f->ticket, lines, data, n);
	}
	return to->ground->frames
		       ? process_ask(to, f->ticket, data + RV_FRAME_HEADER, n - RV_FRAME_HEADER,
				 NULL, 0)
		       : process_ask(to, f->ticket, data, n - 1, NULL, 0);
}

/* What is left of it goes to the other one; the flight becomes what is lost. */
static void hand_over_one(struct process *p, struct process *to, struct flight *f, uint64_t end)
{
	uint64_t written = p->queued - p->out.len;
	size_t n = (size_t)(end - MIN(MAX(f->start, written), end)), skip = 0;
	size_t left = f->lines > 0 ? lines_left(p, f, n, &skip) : f->start >= written;

	if (left > 0 && hand_on(to, f, left, bytes_head(&p->out) + skip, n - skip) < 0) {
		left = 0;
	}
	if (n > 0) {
		bytes_take(&p->out, n);
		p->last = '\n'; /* what follows begins with a whole one */
	}
	if (left > 0 && left >= f->lines) {
		f->ticket = 0;
	} else {
		f->lines -= (uint32_t)left;
	}
}

void process_hand_over(struct process *p, struct process *to)
{
	struct flights *all = &p->flights;

	for (size_t i = 0; i < all->n; i++) {
		hand_over_one(p, to, flights_at(all, i),
			i + 1 < all->n ? flights_at(all, i + 1)->start : p->queued);
	}
}

void process_lose(struct process *p, enum rv_status status, const char *why)
{
	const struct process_ground *g = p->ground;

	g->host->hold(g->handle, true);
	for (; p->flights.n > 0; flights_pop(&p->flights)) {
		const struct flight f = *flights_at(&p->flights, 0);

		if (f.ticket && f.lines > 0) {
			g->host->complete_lines(
				g->handle, f.ticket, f.lines, status, why, strlen(why));
		} else if (f.ticket) {
			g->host->complete(g->handle, f.ticket, status, why, strlen(why));
		}
		status = RV_STATUS_INTERNAL;
	}
	g->host->hold(g->handle, false);
}
