#include "nats/input.h"

#include <stdio.h>
#include <syslog.h>

#define BATCHES 8 /* in a turn */
#define HELD_BYTES ((size_t)256 << 10)
#define WHY_MAX 64 /* bytes of the sentences here */

/* The host has them. */
static void submit(struct nats_instance *in)
{
	size_t n = in->n_msgs;

	in->n_msgs = 0;
	in->turn++; /* who was in the batch may be forgotten */
	if (n > 0 && in->source &&
		in->host->messages(in->handle, in->source, in->msgs, n) == RV_READ_STOP) {
		in->stopped = true;
	}
}

static void add(
	struct nats_instance *in, struct nats_peer *p, const void *data, size_t n, uint32_t tag)
{
	if (in->n_msgs == NATS_BATCH) {
		submit(in);
	}
	if (p->ended) {
		return;
	}
	p->turn = in->turn;
	in->msgs[in->n_msgs++] =
		(struct rv_msg){.data = data, .len = n, .tag = tag, .reply_peer = p};
}

/* The size of the frame at data, or all of it if that is none. */
static size_t frame_size(const uint8_t *data, size_t n)
{
	if (n < RV_FRAME_HEADER || data[0] != RV_FRAME_MAGIC ||
		rv_load_le32(data + 4) > n - RV_FRAME_HEADER) {
		return n;
	}
	return RV_FRAME_HEADER + rv_load_le32(data + 4);
}

/* What follows a frame and is none would pass for a line. */
static void add_frames(struct nats_instance *in, struct nats_peer *p, const uint8_t *data, size_t n)
{
	static const uint8_t no_frame[] = {RV_FRAME_MAGIC};
	size_t k;

	for (; n > 0 && data[0] == RV_FRAME_MAGIC; data += k, n -= k) {
		k = frame_size(data, n);
		add(in, p, data, k, 0);
	}
	if (n > 0) {
		add(in, p, no_frame, sizeof(no_frame), 0);
	}
}

static void refuse_frame(
	struct nats_instance *in, const char *to, const uint8_t *data, const char *why)
{
	uint8_t buf[RV_FRAME_HEADER + WHY_MAX];
	size_t n = strlen(why);
	struct rv_frame f;

	rv_frame_load(data, &f);
	if (f.flags & RV_FRAME_MORE) {
		return; /* the last one is answered */
	}
	rv_reply_store(buf, RV_STATUS_BUSY, 0, n, f.id);
	memcpy(buf + RV_FRAME_HEADER, why, n);
	nats_publish(in, to, buf, RV_FRAME_HEADER + n);
}

/* Busy; the host does not know of it. */
static void refuse(
	struct nats_instance *in, const char *to, const uint8_t *data, size_t n, const char *why)
{
	char sentence[WHY_MAX + 8];
	size_t k;

	in->host->dropped(in->handle, RV_DROP_IO, 1);
	in->host->log(in->handle, LOG_INFO, "a request is refused: %s", why);
	if (n == 0 || data[0] != RV_FRAME_MAGIC) {
		k = (size_t)snprintf(sentence, sizeof(sentence), "busy: %s", why);
		nats_publish_error(in, to, RV_STATUS_BUSY, sentence, k);
		return;
	}
	for (; n >= RV_FRAME_HEADER && data[0] == RV_FRAME_MAGIC; data += k, n -= k) {
		k = frame_size(data, n);
		refuse_frame(in, to, data, why);
	}
}

static void drop_unaddressed(struct nats_instance *in, const char *to, const char *why)
{
	char quoted[RV_QUOTE_SIZE];

	in->host->dropped(in->handle, RV_DROP_REPLY_NAME, 1);
	in->host->log(in->handle, LOG_INFO, "a request is dropped: its reply subject %s %s",
		rv_quote(to, strlen(to), quoted, sizeof(quoted)), why);
}

/* May it be answered there? */
static bool is_answerable(struct nats_instance *in, const char *to, size_t n)
{
	const char *fault = nats_subject_fault(to, n);

	if (strcmp(to, in->ep->subject) == 0) {
		fault = "is the endpoint's own";
	}
	if (fault) {
		drop_unaddressed(in, to, fault);
	}
	return !fault;
}

/* NULL: the request is dropped, or refused. */
static struct nats_peer *addressee(
	struct nats_instance *in, const char *to, const uint8_t *data, size_t n)
{
	size_t len = strlen(to);
	struct rv_peer_cache_entry *e = rv_peer_cache_find(&in->cache, to, len);
	struct nats_peer *p = NULL;
	int r;

	if (e) {
		return CONTAINER_OF(e, struct nats_peer, entry);
	}
	if (!is_answerable(in, to, len)) {
		return NULL;
	}
	r = nats_peer_new(in, to, &p);
	if (r == -EUSERS && in->n_msgs > 0) { /* by those of this batch, perhaps */
		submit(in);
		r = nats_peer_new(in, to, &p);
	}
	if (r < 0) {
		refuse(in, to, data, n, "too many clients, try again later");
	}
	return r < 0 ? NULL : p;
}

static void take(struct nats_instance *in, natsMsg *m)
{
	const char *to = natsMsg_GetReply(m);
	const uint8_t *data = (const uint8_t *)natsMsg_GetData(m);
	size_t n = (size_t)natsMsg_GetDataLength(m);
	struct nats_peer *p = addressee(in, to ? to : "", data, n);

	if (!p) {
		return;
	}
	if (n > 0 && data[0] == RV_FRAME_MAGIC) {
		add_frames(in, p, data, n);
	} else {
		add(in, p, data, n, NATS_PLAIN);
	}
}

/* Messages that have come, at most a batch. How many. */
static size_t serve_batch(struct nats_instance *in)
{
	size_t n = 0;
	natsMsg *m;

	while (n < NATS_BATCH && in->sub && natsSubscription_NextMsg(&m, in->sub, 0) == NATS_OK) {
		n++;
		in->held[in->n_held++] = m;
		in->held_bytes += (size_t)natsMsg_GetDataLength(m);
		take(in, m);
	}
	submit(in);
	return n;
}

void nats_release(struct nats_instance *in)
{
	while (in->n_held > 0) {
		natsMsg_Destroy(in->held[--in->n_held]);
	}
	in->held_bytes = 0;
}

/* The library frees messages in a thread of its own, and wakes it when there is one: many
 * at once cost a fraction. */
static void release_some(struct nats_instance *in)
{
	if (in->n_held > NATS_HELD - NATS_BATCH || in->held_bytes > HELD_BYTES) {
		nats_release(in);
	}
}

/* The service takes no more: the newest wait with us, since the broker would take us for
 * dead if we stopped reading; the oldest, which have waited longest, are told. */
static void refuse_excess(struct nats_instance *in)
{
	uint64_t most = __atomic_load_n(&in->ep->max_pending, __ATOMIC_RELAXED);
	int n, bytes;
	natsMsg *m;

	while (in->sub && natsSubscription_GetPending(in->sub, &n, &bytes) == NATS_OK && n > 0 &&
		(uint64_t)bytes + (uint64_t)n * sizeof(struct nats_peer) > most &&
		natsSubscription_NextMsg(&m, in->sub, 0) == NATS_OK) {
		const char *to = natsMsg_GetReply(m);

		if (to && is_answerable(in, to, strlen(to))) {
			refuse(in, to, (const uint8_t *)natsMsg_GetData(m),
				(size_t)natsMsg_GetDataLength(m),
				"too many requests wait for the service");
		}
		natsMsg_Destroy(m);
	}
}

void nats_serve(struct nats_instance *in)
{
	unsigned batches = 0;
	size_t n = NATS_BATCH;

	in->serving = true;
	while (n == NATS_BATCH && !in->stopped && batches++ < BATCHES) {
		n = serve_batch(in);
		release_some(in);
	}
	in->emptied = !in->stopped && n < NATS_BATCH;
	if (in->stopped) {
		refuse_excess(in);
	} else if (!in->emptied) {
		event_active(&in->again, EV_TIMEOUT, 0);
	}
	in->serving = false;
}
