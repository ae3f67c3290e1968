#include "common/pump.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/macro.h"

#define PUMP_CHUNK (16u << 10)
#define PUMP_WINDOW 64u

/* What is to be sent next; on streams many requests at once. */
struct chunk {
	uint8_t data[PUMP_CHUNK + 2 * PUMP_LINE];
	size_t n, sent, next; /* next: the first request not in it yet */
	bool pending;         /* not all is sent; a message may be empty */
};

typedef size_t pump_append(struct client *, const struct pump *, size_t i, uint8_t *to);

static size_t append_line(struct client *c, const struct pump *p, size_t i, uint8_t *to)
{
	size_t n = p->make(i, (char *)to);

	if (client_is_stream(c)) {
		to[n++] = '\n';
	}
	return n;
}

static size_t append_frame(struct client *c, const struct pump *p, size_t i, uint8_t *to)
{
	char text[PUMP_LINE];
	size_t n = p->make(i, text);

	return client_build(c, to, RV_OP_CALL, 0, i, text, n);
}

static void chunk_fill(
	struct chunk *k, struct client *c, const struct pump *p, pump_append *append, size_t max)
{
	k->n = k->sent = 0;
	k->pending = true;
	do {
		k->n += append(c, p, k->next++, k->data + k->n);
	} while (k->next < p->count && k->n < max);
}

/* False: the kernel takes no more for now. */
static bool chunk_send(struct chunk *k, struct client *c)
{
	ssize_t n = client_try_send(c, k->data + k->sent, k->n - k->sent);

	if (n == -EAGAIN) {
		return false;
	}
	ck_assert_msg(n >= 0, "send: %s", strerror((int)-n));
	k->sent += (size_t)n;
	k->pending = k->sent < k->n;
	return true;
}

typedef void pump_take(struct client *, const struct pump *, size_t i, bool *seen);

static void take_line(struct client *c, const struct pump *p, size_t i, bool *seen)
{
	char want[PUMP_LINE + 1];
	size_t n = p->want(i, want);
	struct reply r;

	(void)seen;
	if (client_is_stream(c)) {
		want[n++] = '\n';
	}
	client_recv_line(c, &r);
	ck_assert_msg(r.n == n && memcmp(r.data, want, n) == 0,
		"line %zu: '%.*s' instead of '%.*s'", i, (int)r.n, (const char *)r.data, (int)n,
		want);
}

static void take_frame(struct client *c, const struct pump *p, size_t i, bool *seen)
{
	char want[PUMP_LINE];
	struct reply r;
	size_t n;

	(void)i;
	client_recv(c, &r);
	ck_assert(r.frame);
	ck_assert_uint_lt(r.head.id, p->count);
	ck_assert_msg(!seen[r.head.id], "id %" PRIu64 " was answered twice", r.head.id);
	seen[r.head.id] = true;
	n = p->want(r.head.id, want);
	ck_assert_uint_eq(r.head.code, RV_STATUS_OK);
	ck_assert_msg(r.n == n && memcmp(r.data, want, n) == 0, "id %" PRIu64 ": '%.*s' for '%.*s'",
		r.head.id, (int)r.n, (const char *)r.data, (int)n, want);
}

/* Waits for a reply only when nothing more can be sent: then one must be on its
 * way, for the daemon has whole requests to read. */
static void pump_run(struct client *c, const struct pump *p, pump_append *append, pump_take *take,
	size_t max, size_t window)
{
	CLEANUP_FREE struct chunk *k = calloc(1, sizeof *k);
	CLEANUP_FREE bool *seen = calloc(p->count, sizeof *seen);
	size_t taken = 0;

	ck_assert(k && seen);
	while (taken < p->count) {
		if (!k->pending && k->next < p->count && k->next - taken < window) {
			chunk_fill(k, c, p, append, max);
		}
		if (k->pending && chunk_send(k, c)) {
			continue;
		}
		take(c, p, taken++, seen);
	}
}

void pump_lines(struct client *c, const struct pump *p)
{
	pump_run(c, p, append_line, take_line, client_is_stream(c) ? PUMP_CHUNK : 0, SIZE_MAX);
}

void pump_frames(struct client *c, const struct pump *p)
{
	/* On a FIFO a write holds one frame, so that it is atomic. Who shares a
	 * transport is not pushed back but told "busy" if he never reads. */
	pump_run(c, p, append_frame, take_frame, c->transport == STREAM ? PUMP_CHUNK : 0,
		c->token[0] ? PUMP_WINDOW : SIZE_MAX);
}

size_t pump_make_word(size_t i, char *buf)
{
	return (size_t)snprintf(buf, PUMP_LINE, "%zu: niño 🇪🇸", i);
}

size_t pump_want_word(size_t i, char *buf)
{
	static const char tail[] = "🇪🇸 oñin :";
	char digits[32];
	int n = snprintf(digits, sizeof digits, "%zu", i);
	size_t at = sizeof tail - 1;

	memcpy(buf, tail, at);
	while (n > 0) {
		buf[at++] = digits[--n];
	}
	return at;
}
