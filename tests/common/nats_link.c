#include "common/nats_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/wait.h"

#define SIDE_INBOX "side.inbox"
#define AGAIN_MS 2 /* between questions whether it is served */

struct nats_link {
	struct client_link link;
	struct nats_client client;
	char subject[64], inbox[64];
	struct nats_message message; /* the frames of it that are left */
};

static ssize_t send_message(void *ctx, const void *p, size_t n)
{
	struct nats_link *l = ctx;

	nats_client_publish(&l->client, l->subject, l->inbox, p, n);
	return (ssize_t)n;
}

/* The first frame of a message that is framed, or all of it. */
static size_t first_of(const struct nats_message *m)
{
	size_t n = m->n;

	if (n >= RV_FRAME_HEADER && m->data[0] == RV_FRAME_MAGIC) {
		n = RV_FRAME_HEADER + rv_load_le32(m->data + 4);
		ck_assert_uint_le(n, m->n);
	}
	return n;
}

/* An error as a line has it: NAK and the sentence. */
static size_t write_error(const struct nats_message *m, char *buf, size_t size)
{
	static const char name[] = "Nats-Service-Error: ";
	const char *at = memmem(m->head, m->head_n, name, sizeof name - 1), *end;

	ck_assert_msg(at, "%.*s", (int)m->head_n, m->head);
	at += sizeof name - 1;
	end = memchr(at, '\r', (size_t)(m->head + m->head_n - at));
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_lt((size_t)(end - at) + 1, size);
	return (size_t)snprintf(buf, size, "\x15%.*s", (int)(end - at), at);
}

static ssize_t receive(void *ctx, void *p, size_t n)
{
	struct nats_link *l = ctx;
	struct nats_message *m = &l->message;
	size_t k;

	while (m->n == 0) {
		if (!nats_client_try_receive(&l->client, m)) {
			return -EAGAIN;
		}
		if (m->head || strcmp(m->subject, l->inbox) == 0) {
			break;
		}
		m->n = 0; /* another worker answers for itself, too */
	}
	if (m->head) {
		return (ssize_t)write_error(m, p, n);
	}
	k = first_of(m);
	ck_assert_uint_le(k, n);
	memcpy(p, m->data, k);
	m->data += k;
	m->n -= k;
	return (ssize_t)k;
}

static bool wait_for(void *ctx, bool for_send, int ms)
{
	struct nats_link *l = ctx;
	struct pollfd p = {.fd = l->client.fd, .events = for_send ? POLLOUT : POLLIN};

	return poll(&p, 1, ms) > 0;
}

static void half_close(void *ctx)
{
	(void)ctx;
	ck_abort_msg("there is no half of it");
}

static void close_link(void *ctx)
{
	struct nats_link *l = ctx;

	nats_client_close(&l->client);
	free(l);
}

/* The broker says when nobody is there. What is served also answers for itself, and that is
 * no request that would be counted. */
static void wait_served(struct nats_link *l)
{
	uint64_t until = wait_until(WAIT_MS);
	struct nats_message m;

	nats_client_subscribe(&l->client, SIDE_INBOX);
	do {
		nats_client_publish(&l->client, "$SRV.PING.revd", SIDE_INBOX, "", 0);
		nats_client_receive(&l->client, &m);
		ck_assert_msg(wait_left(until) > 0, "nobody serves %s", l->subject);
	} while (m.head && poll(NULL, 0, AGAIN_MS) == 0);
}

struct client_link *nats_link_open(const struct nats_broker *b, const char *subject)
{
	static unsigned n;
	struct nats_link *l = calloc(1, sizeof *l);

	ck_assert_ptr_nonnull(l);
	l->link = (struct client_link){.ctx = l,
		.send = send_message,
		.recv = receive,
		.wait = wait_for,
		.half_close = half_close,
		.close = close_link};
	snprintf(l->subject, sizeof l->subject, "%s", subject);
	snprintf(l->inbox, sizeof l->inbox, "_INBOX.link.%u", ++n);
	nats_client_open(&l->client, b, "");
	nats_client_subscribe(&l->client, l->inbox);
	wait_served(l);
	return &l->link;
}
