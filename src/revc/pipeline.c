#include "revc/pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "librevc/receive.h"
#include "librevc/session.h"
#include "revc/answer.h"
#include "revc/signals.h"
#include "proto/status.h"
#include "util/clock.h"

#define RING_MIN 64u
#define FLUSH_AT ((size_t)64 << 10) /* bytes in the batch */
#define PAUSE_MIN_NS 10000000u
#define PAUSE_MAX_NS 500000000u
#define LOOK_NS 250000000u
#define LATE_LOOK_NS 20000000u
#define LARGE "larger than the broker takes (max_payload)"
#define OVERHEAD (RV_FRAME_HEADER + RV_TOKEN_MAX) /* bytes of a request beside its text */

enum slot_state { SLOT_WAITING, SLOT_SENT, SLOT_DONE };

struct pipeline_slot {
	uint64_t tag;
	uint64_t text; /* counted from the first text ever */
	size_t n;
	uint64_t first_ns, sent_ns, due_ns, done_ns;
	uint8_t *reply; /* of one that came before its turn */
	size_t reply_n;
	uint32_t tries;
	uint32_t again; /* how often it was taken for lost */
	uint8_t op, status, state;
};

static struct pipeline_slot *slot_at(const struct pipeline *p, uint64_t i)
{
	return &p->slots[i & (p->size - 1)];
}

static const uint8_t *slot_text(const struct pipeline *p, const struct pipeline_slot *slot)
{
	return bytes_head(&p->text) + (slot->text - p->text_base);
}

static int fail_session(struct pipeline *p, int r)
{
	revc_error(p->s, &p->err);
	return r;
}

int pipeline_fail(struct pipeline *p, int err)
{
	return failure_explain(&p->err, &p->s->uri, FAILURE_RECEIVE, err);
}

void pipeline_progress(struct pipeline *p)
{
	p->progress_ns = clock_now();
	p->look_ns = p->progress_ns + LOOK_NS;
	p->pause_ns = 0;
}

/* Far from the ids of probes, and so that no id up to 2^31 from it holds bytes that a
 * FIFO does not carry: see proto/cut_shared.h. */
static uint64_t id_base(uint64_t id)
{
	id ^= UINT64_C(1) << 63;
	return (id & UINT64_C(0xffffffff00000000)) | UINT64_C(0x0404040410000000);
}

int pipeline_init(struct pipeline *p, const char *uri, const struct revc_options *options,
	pipeline_deliver *deliver, void *ctx, struct revc_err *err)
{
	int r;

	*p = (struct pipeline){.options = *options, .deliver = deliver, .ctx = ctx};
	p->timeout_ns = (options->timeout_us ? options->timeout_us : REVC_TIMEOUT_US) * 1000;
	r = signals_open(uri, options, &p->s, err);
	if (r < 0) {
		return r;
	}
	(void)snprintf(p->uri, sizeof(p->uri), "%s", uri);
	(void)snprintf(p->shown, sizeof(p->shown), "%s", revc_uri(p->s));
	p->id_base = id_base(revc_id(p->s));
	pipeline_progress(p);
	return 0;
}

void pipeline_forget(struct pipeline *p)
{
	for (; p->head != p->tail; p->head++) {
		free(slot_at(p, p->head)->reply);
	}
	p->text_base += p->text.len;
	bytes_take(&p->text, p->text.len);
	p->waiting = 0;
	p->probe_id = 0;
	signals_close(p->s);
	p->s = NULL;
}

void pipeline_finish(struct pipeline *p)
{
	pipeline_forget(p);
	free(p->slots);
	bytes_free(&p->text);
	*p = (struct pipeline){0};
}

static int keep_reply(struct pipeline_slot *slot, const void *data, size_t n)
{
	slot->reply = malloc(MAX(n, (size_t)1));
	if (!slot->reply) {
		return -ENOMEM;
	}
	if (n > 0) {
		memcpy(slot->reply, data, n);
	}
	slot->reply_n = n;
	return 0;
}

/* Sending. */

/* A text that the transport can't carry. Over a FIFO none that is UTF-8 is among them. */
static int refuse_slot(struct pipeline_slot *slot, bool large, uint64_t now)
{
	const char *why = large ? LARGE : FIFO_BYTES;

	slot->state = SLOT_DONE;
	slot->status = large ? RV_STATUS_TOO_LARGE : RV_STATUS_INVALID_TEXT;
	slot->first_ns = slot->done_ns = now;
	return keep_reply(slot, why, strlen(why));
}

static int send_slot(struct pipeline *p, uint64_t i, uint64_t now)
{
	struct pipeline_slot *slot = slot_at(p, i);
	int r = revc_submit(p->s, slot->op, p->id_base + i, slot_text(p, slot), slot->n);

	if (r == -EILSEQ || (r == -EMSGSIZE && p->s->ops->many)) {
		return refuse_slot(slot, r == -EMSGSIZE, now);
	}
	if (r < 0) {
		return fail_session(p, r);
	}
	if (!slot->first_ns) {
		slot->first_ns = now;
	}
	slot->sent_ns = now;
	slot->state = SLOT_SENT;
	return 0;
}

static int send_waiting(struct pipeline *p, uint64_t now)
{
	for (uint64_t i = p->head; i != p->tail && p->waiting > 0; i++) {
		if (slot_at(p, i)->state == SLOT_WAITING && slot_at(p, i)->due_ns <= now) {
			int r = send_slot(p, i, now);

			if (r < 0) {
				return r;
			}
			p->waiting--;
		}
	}
	return 0;
}

static void send_again_at(struct pipeline *p, struct pipeline_slot *slot, uint64_t due_ns)
{
	p->waiting += slot->state != SLOT_WAITING;
	slot->state = SLOT_WAITING;
	slot->due_ns = due_ns;
}

static int send_all_again(struct pipeline *p)
{
	for (uint64_t i = p->head; i != p->tail; i++) {
		if (slot_at(p, i)->state == SLOT_SENT) {
			send_again_at(p, slot_at(p, i), 0);
		}
	}
	return send_waiting(p, clock_now());
}

static struct late_request request_of(const struct pipeline_slot *slot)
{
	return (struct late_request){
		.first_ns = slot->first_ns, .sent_ns = slot->sent_ns, .again = slot->again};
}

static bool is_late(const struct pipeline *p, const struct pipeline_slot *slot, uint64_t now)
{
	const struct late_request q = request_of(slot);

	return late_is(&p->late, &q, now);
}

/* Sends again what is late, and finds out when to look for that next. */
static int send_late(struct pipeline *p, uint64_t now)
{
	uint64_t next = now + late_after(&p->late, 0); /* no other that is sent from now on */
	int r = 0;

	for (uint64_t i = p->head; i != p->tail && r == 0; i++) {
		struct pipeline_slot *slot = slot_at(p, i);

		if (slot->state == SLOT_SENT && is_late(p, slot, now)) {
			slot->again++;
			late_spend(&p->late);
			r = send_slot(p, i, now);
		}
		if (slot->state == SLOT_SENT) {
			next = MIN(next, slot->sent_ns + late_after(&p->late, slot->again));
		}
	}
	p->late_ns = MAX(next, now + LATE_LOOK_NS);
	return r;
}

/* Recovery. */

static int sleep_before(struct pipeline *p, uint64_t ns)
{
	const struct timespec ts = clock_span(ns);

	if (p->pause) {
		return p->pause(p->pause_ctx, ns);
	}
	nanosleep(&ts, NULL);
	return 0;
}

static int give_up(struct pipeline *p, int r)
{
	p->err.exit_code = EXIT_TRY_LATER;
	return r;
}

int pipeline_recover(struct pipeline *p)
{
	uint64_t deadline = p->progress_ns + p->timeout_ns, now;
	int r;

	signals_close(p->s);
	p->s = NULL;
	p->probe_id = 0;
	do {
		/* The first attempt is at once: a daemon may have closed an idle connection. */
		now = clock_now();
		r = sleep_before(p, MIN(p->pause_ns, deadline > now ? deadline - now : 0));
		if (r < 0) {
			return r;
		}
		p->pause_ns =
			p->pause_ns ? MIN(2 * p->pause_ns, (uint64_t)PAUSE_MAX_NS) : PAUSE_MIN_NS;
		r = signals_open(p->uri, &p->options, &p->s, &p->err);
	} while (r < 0 && clock_now() < deadline);
	if (r < 0) {
		return give_up(p, r);
	}
	p->look_ns = clock_now() + LOOK_NS;
	return send_all_again(p);
}

static bool is_recoverable(const struct pipeline *p, int r)
{
	/* A killed daemon may leave half a reply in a FIFO: a new FIFO helps. */
	return r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN || r == -EBUSY ||
	       (r == -EPROTO && p->s->token_n > 0);
}

static int recover_from(struct pipeline *p, int r)
{
	fail_session(p, r);
	if (!is_recoverable(p, r)) {
		return r;
	}
	if (clock_now() >= p->progress_ns + p->timeout_ns) {
		return give_up(p, r);
	}
	return pipeline_recover(p);
}

static int probe(struct pipeline *p)
{
	/* An earlier one may have been lost together with the daemon that took it. */
	uint64_t id = revc_id(p->s);
	int r = revc_submit(p->s, RV_OP_INFO, id, NULL, 0);
	if (r < 0) {
		return fail_session(p, r);
	}
	p->probe_id = id;
	return 0;
}

/* A daemon younger than the oldest request has never seen it, or has lost it. */
static int on_probe(struct pipeline *p, const struct revc_reply *reply)
{
	double uptime;
	uint64_t now = clock_now();

	p->probe_id = 0;
	if (reply->status != RV_STATUS_OK || p->head == p->tail ||
		answer_unpack(reply->data, reply->len, "{s:F}", "uptime", &uptime) < 0) {
		return 0;
	}
	if (uptime > (double)(now - slot_at(p, p->head)->sent_ns) / 1e9) {
		return 0;
	}
	/* In a new session: half a reply of the one that died may be in this one. */
	return pipeline_recover(p);
}

static int look_after(struct pipeline *p, uint64_t now)
{
	/* Ever more rarely: a request may just take long. */
	p->look_ns = now + MAX(LOOK_NS, (now - p->progress_ns) / 2);
	if (!p->s->ops->verify) {
		return 0;
	}
	if (revc_verify(p->s) == 0) {
		return probe(p);
	}
	return recover_from(p, session_fail(p->s, FAILURE_RECEIVE, ENOTCONN));
}

/* Receiving. */

static int hand_out(
	struct pipeline *p, const struct pipeline_slot *slot, const uint8_t *data, size_t n)
{
	struct pipeline_result result = {
		.tag = slot->tag,
		.status = slot->status,
		.data = data,
		.len = n,
		.request = slot_text(p, slot),
		.request_len = slot->n,
		.ns = slot->done_ns - slot->first_ns,
	};

	return p->deliver(p->ctx, &result);
}

static int hand_out_head(struct pipeline *p, const uint8_t *data, size_t n)
{
	struct pipeline_slot *slot = slot_at(p, p->head);
	int r = hand_out(p, slot, data, n);

	bytes_take(&p->text, slot->n);
	p->text_base += slot->n;
	free(slot->reply);
	slot->reply = NULL;
	p->head++;
	return r;
}

static int hand_out_ready(struct pipeline *p)
{
	int r = 0;

	while (r == 0 && p->head != p->tail && slot_at(p, p->head)->state == SLOT_DONE) {
		r = hand_out_head(p, slot_at(p, p->head)->reply, slot_at(p, p->head)->reply_n);
	}
	return r;
}

static bool try_later(struct pipeline *p, struct pipeline_slot *slot, uint8_t status, uint64_t now)
{
	uint64_t pause = (uint64_t)PAUSE_MIN_NS << MIN(slot->tries, 6u);

	if (!status_is_transient(status) || now + pause >= slot->first_ns + p->timeout_ns) {
		return false;
	}
	slot->tries++;
	send_again_at(p, slot, now + MIN(pause, (uint64_t)PAUSE_MAX_NS));
	return true;
}

static int on_reply(struct pipeline *p, const struct revc_reply *reply)
{
	uint64_t i = reply->id - p->id_base;
	struct pipeline_slot *slot;
	struct late_request asked;
	uint64_t now = clock_now();
	int r;

	if (p->probe_id && reply->id == p->probe_id) {
		return on_probe(p, reply);
	}
	if (i - p->head >= p->tail - p->head || slot_at(p, i)->state != SLOT_SENT) {
		return 0; /* nobody's, or the second reply to what was sent twice */
	}
	slot = slot_at(p, i);
	asked = request_of(slot);
	late_note(&p->late, &asked, now);
	if (try_later(p, slot, reply->status, now)) {
		return 0;
	}
	slot->state = SLOT_DONE;
	slot->status = reply->status;
	slot->done_ns = p->progress_ns = now;
	p->look_ns = now + LOOK_NS;
	p->pause_ns = 0;
	if (i != p->head) {
		return keep_reply(slot, reply->data, reply->len);
	}
	r = hand_out_head(p, reply->data, reply->len);
	return r < 0 ? r : hand_out_ready(p);
}

static uint64_t next_due(const struct pipeline *p)
{
	uint64_t due = MIN(p->look_ns, p->progress_ns + p->timeout_ns);

	if (p->s->ops->many) {
		due = MIN(due, p->late_ns);
	}
	for (uint64_t i = p->head; p->waiting > 0 && i != p->tail; i++) {
		if (slot_at(p, i)->state == SLOT_WAITING) {
			due = MIN(due, slot_at(p, i)->due_ns);
		}
	}
	return due;
}

static int on_timer(struct pipeline *p)
{
	uint64_t now = clock_now();

	if (now >= p->progress_ns + p->timeout_ns) {
		/* While connections are lost again and again, that is the reason. */
		return give_up(p, p->pause_ns ? -p->err.err : pipeline_fail(p, ETIMEDOUT));
	}
	if (p->waiting > 0) {
		int r = send_waiting(p, now);

		if (r < 0) {
			return r;
		}
	}
	if (p->s->ops->many && now >= p->late_ns) {
		return send_late(p, now);
	}
	return now >= p->look_ns ? look_after(p, now) : 0;
}

/* One reply, or one event of another kind. 1: fd can be read. */
static int step(struct pipeline *p, int fd)
{
	struct revc_reply reply;
	int r;

	if (p->head != p->tail && slot_at(p, p->head)->state == SLOT_DONE) {
		return hand_out_ready(p); /* refused before it was sent */
	}
	r = receive_reply(p->s, next_due(p), fd, &reply);
	if (r == 0) {
		return on_reply(p, &reply);
	}
	if (r == -ETIMEDOUT) {
		return on_timer(p);
	}
	return r > 0 ? r : recover_from(p, r);
}

/* The front door. */

static bool has_room(const struct pipeline *p, size_t n)
{
	struct revc_limits limits;

	if (p->head == p->tail) {
		return true;
	}
	revc_limits(p->s, &limits);
	return p->tail - p->head < limits.inflight_max &&
	       p->text.len + n + (p->tail - p->head + 1) * OVERHEAD <= limits.inflight_bytes;
}

static int grow_ring(struct pipeline *p)
{
	size_t size = p->size ? 2 * p->size : RING_MIN;
	struct pipeline_slot *slots;

	if (p->tail - p->head < p->size) {
		return 0;
	}
	slots = reallocarray(NULL, size, sizeof(*slots));
	if (!slots) {
		return -ENOMEM;
	}
	for (uint64_t i = p->head; i != p->tail; i++) {
		slots[i & (size - 1)] = *slot_at(p, i);
	}
	free(p->slots);
	p->slots = slots;
	p->size = size;
	return 0;
}

static int add_slot(struct pipeline *p, enum rv_op op, uint64_t tag, const void *data, size_t n)
{
	int r = grow_ring(p);

	r = r < 0 ? r : bytes_put(&p->text, data, n);
	if (r < 0) {
		error_set(&p->err, -r, EXIT_TRY_LATER, "out of memory");
		return r;
	}
	*slot_at(p, p->tail) = (struct pipeline_slot){
		.tag = tag,
		.text = p->text_base + p->text.len - n,
		.n = n,
		.op = (uint8_t)op,
	};
	p->tail++;
	return 0;
}

int pipeline_push(struct pipeline *p, enum rv_op op, uint64_t tag, const void *data, size_t n)
{
	int r = 0;

	if (!p->s) { /* connecting has failed before, and was given up */
		pipeline_progress(p);
		r = pipeline_recover(p);
	}
	while (r == 0 && !has_room(p, n)) {
		r = step(p, -1);
	}
	if (r < 0) {
		return r;
	}
	if (pipeline_is_idle(p)) {
		pipeline_progress(p);
		p->late_ns = p->progress_ns + late_after(&p->late, 0);
	}
	r = add_slot(p, op, tag, data, n);
	r = r < 0 ? r : send_slot(p, p->tail - 1, clock_now());
	if (r == 0 && revc_unsent(p->s) >= FLUSH_AT) {
		/* Errors come back with the next step, which knows what to do about them. */
		(void)!revc_flush(p->s);
	}
	return r;
}

int pipeline_wait(struct pipeline *p, int fd)
{
	int r = 0;

	while (r == 0 && !pipeline_is_idle(p)) {
		r = step(p, fd);
	}
	return r;
}

int pipeline_drain(struct pipeline *p)
{
	return pipeline_wait(p, -1);
}
