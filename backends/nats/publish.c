#include "nats/publish.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

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

static bool has_broker(const struct nats_instance *in)
{
	return in->nc && !nats_link_is_closed(in->link);
}

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
		nats_publish_now(in);
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

/* Statistics are text, and so is JSON. */
void nats_note_error(struct nats_instance *in, const char *text, size_t n)
{
	char *to = in->services.last_error;
	size_t most = sizeof(in->services.last_error) - 1;

	n = n < most ? n : most;
	for (size_t i = 0; i < n; i++) {
		to[i] = (char)(text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?');
	}
	to[n] = '\0';
}

void nats_publish_error(struct nats_instance *in, const char *to, enum rv_status status,
	const char *sentence, size_t n)
{
	nats_note_error(in, sentence, n);
	if (!may_wait(in, to, n)) {
		return;
	}
	if (has_broker(in)) {
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
	if (has_broker(in) && n <= INT_MAX) {
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

void nats_publish_now(struct nats_instance *in)
{
	struct nats_output *o = &in->out;
	int left;

	if (!has_broker(in)) {
		return;
	}
	left = natsConnection_Buffered(in->nc);
	if (left > 0) { /* the library takes a write of nothing for the end */
		natsConnection_ProcessWriteEvent(in->nc);
		left = natsConnection_Buffered(in->nc);
	}
	if (!has_broker(in) || left < 0) {
		event_active(&o->noted, EV_TIMEOUT, 0);
		return;
	}
	o->pending = (size_t)left;
	o->n_pending = left ? o->n_pending : 0;
	wait_for_room(in, left > 0);
	if (left == 0 && in->draining) {
		event_active(&o->noted, EV_TIMEOUT, 0);
	}
}

static void on_flush(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	nats_publish_now(arg);
}

void nats_publish_init(struct nats_instance *in, void (*noted)(int, short, void *))
{
	struct nats_output *o = &in->out;
	struct event_base *base = in->host->event_base(in->handle);

	event_assign(&o->flush, base, -1, 0, on_flush, in);
	event_assign(&o->noted, base, -1, 0, noted, in);
	event_assign(&o->room, base, -1, EV_WRITE | EV_PERSIST, on_flush, in);
}

void nats_publish_watch(struct nats_instance *in, int fd)
{
	event_assign(&in->out.room, in->host->event_base(in->handle), fd, EV_WRITE | EV_PERSIST,
		on_flush, in);
}

void nats_publish_kept(struct nats_instance *in)
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
	nats_publish_now(in);
}

void nats_publish_lost(struct nats_instance *in)
{
	struct nats_output *o = &in->out;

	wait_for_room(in, false);
	event_del(&o->flush);
	event_del(&o->noted);
	if (o->pending > 0) {
		dropped(in, RV_DROP_IO, o->n_pending);
	}
	o->pending = 0;
	o->n_pending = 0;
}

void nats_publish_finish(struct nats_instance *in)
{
	struct nats_output *o = &in->out;

	while (o->first_kept) {
		struct nats_kept *k = o->first_kept;

		o->first_kept = k->next;
		free(k);
	}
	o->last_kept = NULL;
}
