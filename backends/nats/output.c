#include "nats/output.h"

#include <stdlib.h>

#define ARENA ((size_t)256 << 10)

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
		nats_note_error(in, (const char *)frame + RV_FRAME_HEADER, n - RV_FRAME_HEADER);
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

void nats_output_finish(struct nats_output *o)
{
	free(o->mem);
	o->mem = NULL;
}
