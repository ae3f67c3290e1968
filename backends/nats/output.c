#include "nats/output.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "nats/instance.h"

#define ARENA ((size_t)256 << 10)
#define WRITE_AT ((size_t)64 << 10) /* published bytes that do not wait for the end of a turn */
#define OVERHEAD 64                 /* bytes of a message beside subject and payload, about */
#define SENTENCE_MAX 512

/* A message that was published while there was no broker. */
struct nats_kept {
	struct nats_kept *next;
	enum rv_status status; /* not ok: the payload is the sentence of an error */
	size_t len;
	char subject[NATS_SUBJECT_MAX + 1];
	uint8_t data[];
};

/* HTTP's, as the services of NATS have them. */
static const char *const codes[RV_STATUS_COUNT] = {
	[RV_STATUS_OK] = "200",
	[RV_STATUS_MALFORMED] = "400",
	[RV_STATUS_TOO_LARGE] = "413",
	[RV_STATUS_INVALID_TEXT] = "400",
	[RV_STATUS_BUSY] = "429",
	[RV_STATUS_DENIED] = "403",
	[RV_STATUS_TIMEOUT] = "504",
	[RV_STATUS_INTERNAL] = "500",
	[RV_STATUS_UNSUPPORTED] = "501",
	[RV_STATUS_STOPPING] = "503",
};

static void dropped(struct nats_instance *in, enum rv_drop why, uint64_t n)
{
	in->host->dropped(in->handle, why, n);
}

/* Counts a message in, unless that is too much. */
static bool may_wait(struct nats_instance *in, const char *to, size_t n)
{
	struct nats_output *o = &in->out;
	size_t all = strlen(to) + n + OVERHEAD;

	if (o->pending + all > __atomic_load_n(&in->ep->max_pending, __ATOMIC_RELAXED)) {
		dropped(in, RV_DROP_OUTPUT, 1);
		return false;
	}
	o->pending += all;
	o->n_pending++;
	return true;
}

static void keep(
	struct nats_instance *in, const char *to, enum rv_status status, const void *data, size_t n)
{
	struct nats_output *o = &in->out;
	struct nats_kept *k = malloc(sizeof(*k) + n);

	if (!k) {
		dropped(in, RV_DROP_IO, 1);
		return;
	}
	k->next = NULL;
	k->status = status;
	k->len = n;
	snprintf(k->subject, sizeof(k->subject), "%s", to);
	if (n > 0) {
		memcpy(k->data, data, n);
	}
	*(o->last_kept ? &o->last_kept->next : &o->first_kept) = k;
	o->last_kept = k;
}

static natsStatus send_error(
	natsConnection *nc, const char *to, enum rv_status status, const char *sentence, size_t n)
{
	char text[SENTENCE_MAX];
	natsMsg *m = NULL;
	natsStatus s = natsMsg_Create(&m, to, NULL, NULL, 0);

	n = n < sizeof(text) ? n : sizeof(text) - 1;
	for (size_t i = 0; i < n; i++) { /* it is a line of a header */
		text[i] = (unsigned char)sentence[i] < ' ' ? ' ' : sentence[i];
	}
	text[n] = '\0';
	s = s == NATS_OK ? natsMsgHeader_Set(m, "Nats-Service-Error", text) : s;
	s = s == NATS_OK ? natsMsgHeader_Set(m, "Nats-Service-Error-Code", codes[status]) : s;
	s = s == NATS_OK ? natsConnection_PublishMsg(nc, m) : s;
	natsMsg_Destroy(m);
	return s;
}

/* What is over a batch is written in the middle of it, so that the broker has something to
 * do; else at its end. */
static void write_soon(struct nats_instance *in)
{
	struct nats_output *o = &in->out;

	if (o->full) {
		return;
	}
	if (o->pending >= WRITE_AT || in->draining) {
		nats_output_write(in);
	} else if (!in->serving) {
		event_active(&o->flush, EV_TIMEOUT, 0);
	}
}

static void sent(struct nats_instance *in, natsStatus s)
{
	char why[RV_QUOTE_SIZE];
	const char *text = natsStatus_GetText(s);

	if (s != NATS_OK) {
		dropped(in, RV_DROP_IO, 1);
		in->host->log(in->handle, 4, "a reply can't be sent: %s",
			rv_quote(text, strlen(text), why, sizeof(why)));
	}
	write_soon(in);
}

void nats_publish_error(struct nats_instance *in, const char *to, enum rv_status status,
	const char *sentence, size_t n)
{
	nats_services_note_error(&in->services, sentence, n);
	if (!may_wait(in, to, n)) {
		return;
	}
	if (in->nc) {
		sent(in, send_error(in->nc, to, status, sentence, n));
	} else {
		keep(in, to, status, sentence, n);
	}
}

void nats_publish(struct nats_instance *in, const char *to, const void *data, size_t n)
{
	if (!may_wait(in, to, n)) {
		return;
	}
	if (in->nc && n <= INT_MAX) {
		sent(in, natsConnection_Publish(in->nc, to, data, (int)n));
	} else {
		keep(in, to, RV_STATUS_OK, data, n);
	}
}

/* The socket. */

static void wait_for_room(struct nats_instance *in, bool on)
{
	struct nats_output *o = &in->out;

	if (on && !o->full) {
		event_add(&o->room, NULL);
	} else if (!on && o->full) {
		event_del(&o->room);
	}
	o->full = on;
}

void nats_output_write(struct nats_instance *in)
{
	struct nats_output *o = &in->out;
	int left;

	if (!in->nc) {
		return;
	}
	left = natsConnection_Buffered(in->nc);
	if (left > 0) { /* the library takes a write of nothing for the end */
		natsConnection_ProcessWriteEvent(in->nc);
		left = natsConnection_Buffered(in->nc);
	}
	if (nats_link_is_closed(in->link) || left < 0) {
		nats_closed(in);
		return;
	}
	o->pending = (size_t)left;
	o->n_pending = left ? o->n_pending : 0;
	wait_for_room(in, left > 0);
	if (left == 0) {
		nats_check_drained(in);
	}
}

static void on_flush(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	nats_output_write(arg);
}

void nats_output_init(struct nats_output *o, struct nats_instance *in)
{
	struct event_base *base = in->host->event_base(in->handle);

	event_assign(&o->flush, base, -1, 0, on_flush, in);
	event_assign(&o->room, base, -1, EV_WRITE | EV_PERSIST, on_flush, in);
}

void nats_output_watch(struct nats_instance *in, int fd)
{
	event_assign(&in->out.room, in->host->event_base(in->handle), fd, EV_WRITE | EV_PERSIST,
		on_flush, in);
}

void nats_output_up(struct nats_instance *in)
{
	struct nats_output *o = &in->out;
	struct nats_kept *k = o->first_kept, *next;

	o->first_kept = o->last_kept = NULL;
	o->pending = 0;
	o->n_pending = 0;
	for (; k; k = next) {
		next = k->next;
		if (k->status == RV_STATUS_OK) {
			nats_publish(in, k->subject, k->data, k->len);
		} else {
			nats_publish_error(
				in, k->subject, k->status, (const char *)k->data, k->len);
		}
		free(k);
	}
	nats_output_write(in);
}

void nats_output_lost(struct nats_instance *in)
{
	struct nats_output *o = &in->out;

	wait_for_room(in, false);
	event_del(&o->flush);
	if (o->pending > 0) {
		dropped(in, RV_DROP_IO, o->n_pending);
	}
	o->pending = 0;
	o->n_pending = 0;
}

void nats_output_finish(struct nats_output *o)
{
	while (o->first_kept) {
		struct nats_kept *k = o->first_kept;

		o->first_kept = k->next;
		free(k);
	}
	o->last_kept = NULL;
	free(o->mem);
	o->mem = NULL;
}

/* The arena. */

static void send_frames(struct nats_instance *in)
{
	struct nats_output *o = &in->out;
	const struct nats_peer *p = o->owner;
	size_t first = o->first, n = o->end - first;

	o->first = o->end;
	if (p && n > 0) {
		nats_publish(in, p->subject, o->mem + first, n);
	}
}

void nats_output_forget(struct nats_output *o, const struct nats_peer *p)
{
	if (o->owner == p) {
		o->owner = NULL;
		o->first = o->end;
	}
}

static int grow(struct nats_output *o, size_t min)
{
	size_t size = min > ARENA ? min : ARENA;
	uint8_t *mem = malloc(size);

	if (!mem) {
		return -ENOMEM;
	}
	free(o->mem);
	o->mem = mem;
	o->size = size;
	return 0;
}

/* A reply larger than the arena is rare: its memory is not kept for the next. */
static void start_anew(struct nats_output *o)
{
	o->first = o->end = 0;
	if (o->size > ARENA) {
		free(o->mem);
		o->mem = NULL;
		o->size = 0;
	}
}

int nats_reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct nats_instance *in = block;
	struct nats_output *o = &in->out;
	int r = 0;

	if (o->owner != peer) {
		send_frames(in);
		o->owner = peer;
	}
	if (o->first == o->end) {
		start_anew(o);
	}
	if (o->size - o->end < min || o->size == 0) {
		send_frames(in);
		start_anew(o);
		r = o->size - o->end < min || o->size == 0 ? grow(o, min) : 0;
	}
	if (r == 0) {
		*ret = (struct rv_room){o->mem + o->end, o->size - o->end};
	}
	return r;
}

/* Of a frame with a status. */
static void note_error(struct nats_instance *in, const uint8_t *frame, size_t n)
{
	struct rv_frame f;

	rv_frame_load(frame, &f);
	if (f.code != RV_STATUS_OK) {
		nats_services_note_error(
			&in->services, (const char *)frame + RV_FRAME_HEADER, n - RV_FRAME_HEADER);
	}
}

void nats_commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct nats_instance *in = block;
	struct nats_output *o = &in->out;
	const struct nats_peer *p = peer;

	if (used == RV_COMMIT_NONE || o->owner != p) {
		return;
	}
	if (tag == NATS_PLAIN) {
		size_t at = o->end;

		send_frames(in);
		nats_publish(in, p->subject, o->mem + at, used);
		return;
	}
	note_error(in, o->mem + o->end, used);
	if (o->end + used - o->first > in->max_payload) {
		send_frames(in);
	}
	o->end += used;
}

void nats_commit_error(void *block, void *peer, size_t used, uint32_t tag, enum rv_status status)
{
	struct nats_instance *in = block;
	const struct nats_peer *p = peer;

	(void)tag;
	if (in->out.owner == p) {
		nats_publish_error(
			in, p->subject, status, (const char *)in->out.mem + in->out.end, used);
	}
}

void nats_flush(void *block, void *peer)
{
	struct nats_instance *in = block;

	if (in->out.owner == peer) {
		send_frames(in);
	}
}
