#include <revd/base/writer.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct rv_writer_tail {
	size_t head, end; /* what is unsent, in data */
	uint8_t data[];
};

void rv_writer_init(struct rv_writer *o, const struct rv_host *host, struct rv_instance *handle,
	const struct rv_writer_ops *ops)
{
	*o = (struct rv_writer){.host = host,
		.handle = handle,
		.ops = *ops,
		.head = ops->messages ? RV_WRITER_HEAD : 0};
}

void rv_writer_finish(struct rv_writer *o)
{
	free(o->mem);
	*o = (struct rv_writer){0};
}

/* Goes on where a call left off, which had `k` of n bytes or errno -k: bytes taken, less
 * than n if the kernel is full; or -errno. */
static ssize_t send_on(
	struct rv_writer *o, struct rv_writer_peer *p, const uint8_t *data, size_t n, ssize_t k)
{
	size_t done = 0;

	while (k == -EINTR || (k > 0 && o->ops.messages && done + (size_t)k < n)) {
		done += k > 0 ? (size_t)k : 0;
		k = o->ops.send(p, data + done, n - done);
	}
	if (k < 0 && k != -EAGAIN) {
		return k;
	}
	return (ssize_t)done + (k > 0 ? k : 0);
}

static int tail_make(struct rv_writer *o, struct rv_writer_peer *p, const uint8_t *data, size_t n)
{
	struct rv_writer_tail *t = malloc(sizeof(*t) + n);

	if (!t) {
		return -ENOMEM;
	}
	t->head = 0;
	t->end = n;
	memcpy(t->data, data, n);
	p->tail = t;
	o->n_tails++;
	return o->ops.watch(p, true);
}

static void tail_free(struct rv_writer *o, struct rv_writer_peer *p)
{
	if (p->tail) {
		free(p->tail);
		p->tail = NULL;
		o->n_tails--;
	}
}

/* A reply larger than the arena is rare: its memory is not kept for the next. */
static void arena_empty(struct rv_writer *o)
{
	o->owner = NULL;
	o->used = 0;
	if (o->size > RV_WRITER_ARENA) {
		free(o->mem);
		o->mem = NULL;
		o->size = 0;
	}
}

/* The kernel had k of what the owner has committed. 0, -EAGAIN if a tail is left, or what
 * ended the peer. */
__attribute__((noinline)) static int arena_sent_in_part(struct rv_writer *o, ssize_t k)
{
	struct rv_writer_peer *p = o->owner;
	int r;

	k = send_on(o, p, o->mem, o->used, k);
	r = k < 0 ? (int)k : 0;
	if (k >= 0 && (size_t)k < o->used) {
		r = tail_make(o, p, o->mem + k, o->used - (size_t)k);
	}
	arena_empty(o);
	if (r < 0) {
		tail_free(o, p);
		o->ops.broken(p, r);
		return r;
	}
	if (p->tail) {
		o->host->blocked(o->handle, p);
		return -EAGAIN;
	}
	return 0;
}

/* Sends what the owner has committed; returns likewise. */
static int arena_send(struct rv_writer *o)
{
	ssize_t k = o->ops.send(o->owner, o->mem, o->used);

	if (k != (ssize_t)o->used) {
		return arena_sent_in_part(o, k);
	}
	arena_empty(o);
	return 0;
}

static int arena_grow(struct rv_writer *o, size_t min)
{
	size_t size = min > RV_WRITER_ARENA ? min : RV_WRITER_ARENA;
	uint8_t *mem;

	assert(o->used == 0);
	mem = malloc(size);
	if (!mem) {
		return -ENOMEM;
	}
	free(o->mem);
	o->mem = mem;
	o->size = size;
	return 0;
}

static void take_room(struct rv_writer *o, struct rv_writer_peer *p, struct rv_room *ret)
{
	o->owner = p;
	ret->data = o->mem + o->used + o->head;
	ret->size = o->size - o->used - o->head;
}

/* Something is in the way of a reservation of n bytes for p: sends it, or makes room. */
__attribute__((noinline)) static int make_way(
	struct rv_writer *o, struct rv_writer_peer *p, size_t n, struct rv_room *ret)
{
	int r = 0;

	if (o->used > 0 && o->owner != p) {
		arena_send(o); /* its result is that peer's matter */
	} else if (o->used > 0 && (o->ops.single || o->size - o->used < n)) {
		r = arena_send(o);
	}
	if (r == 0 && o->size - o->used < n) {
		r = arena_grow(o, n);
	}
	if (r == 0) {
		take_room(o, p, ret);
	}
	return r;
}

int rv_writer_reserve(void *instance, void *peer, size_t min, struct rv_room *ret)
{
	struct rv_writer *o = instance;
	struct rv_writer_peer *p = peer;

	if (p->tail) {
		return -EAGAIN;
	}
	if (o->used > 0 || o->size <= o->head + min) {
		return make_way(o, p, o->head + (min ? min : 1), ret);
	}
	take_room(o, p, ret);
	return 0;
}

void rv_writer_commit(void *instance, void *peer, size_t used, uint32_t tag)
{
	struct rv_writer *o = instance;

	if (o->owner != peer) {
		return;
	}
	if (used == RV_COMMIT_NONE) {
		o->owner = o->used > 0 ? o->owner : NULL;
		return;
	}
	if (o->ops.messages) {
		const uint32_t head[] = {(uint32_t)used, tag};

		memcpy(o->mem + o->used, head, RV_WRITER_HEAD);
		o->used += RV_WRITER_HEAD;
	}
	assert(used <= o->size - o->used);
	o->used += used;
}

/* With a tail it is tried again: poll() waits for much room, sending for any. */
void rv_writer_flush(void *instance, void *peer)
{
	struct rv_writer *o = instance;

	if (o->owner == peer && o->used > 0) {
		(void)arena_send(o); /* the host hears of it by blocked() and peer_gone() */
	} else {
		rv_writer_writable(o, peer);
	}
}

void rv_writer_writable(struct rv_writer *o, struct rv_writer_peer *p)
{
	struct rv_writer_tail *t = p->tail;
	ssize_t k;
	size_t n;
	int r;

	if (!t) {
		return;
	}
	n = t->end - t->head;
	k = send_on(o, p, t->data + t->head, n, o->ops.send(p, t->data + t->head, n));
	r = k < 0 ? (int)k : 0;
	t->head += k > 0 ? (size_t)k : 0;
	if (r == 0 && t->head < t->end) {
		if (k > 0) {
			o->host->blocked(o->handle, p);
		}
		return;
	}
	tail_free(o, p);
	if (r == 0) {
		r = o->ops.watch(p, false);
	}
	if (r < 0) {
		o->ops.broken(p, r);
	} else {
		o->ops.sent(p);
	}
}

void rv_writer_drop(struct rv_writer *o, struct rv_writer_peer *p)
{
	if (o->owner == p) {
		arena_empty(o);
	}
	tail_free(o, p);
}

void rv_writer_hand_over(
	const struct rv_writer *o, const struct rv_writer_peer *p, struct rv_handover *h)
{
	const struct rv_writer_tail *t = p->tail;

	if (t) {
		rv_pack_blob(&h->data, t->data + t->head, t->end - t->head);
	} else {
		rv_pack_blob(&h->data, o->mem, o->owner == p ? o->used : 0);
	}
}

/* Are they what send() is given: whole messages with their heads? */
static bool are_messages(const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t len = n > RV_WRITER_HEAD ? RV_WRITER_HEAD + rv_writer_message(p).len : n + 1;

		if (len > n) {
			return false;
		}
		p += len;
		n -= len;
	}
	return true;
}

int rv_writer_take_over(struct rv_writer *o, struct rv_writer_peer *p, struct rv_takeover *t)
{
	struct rv_unpack tail = rv_unpack_blob(&t->data);
	int r;

	if (!rv_unpack_ok(&tail) || (o->ops.messages && !are_messages(tail.data, tail.left))) {
		return -EBADMSG;
	}
	if (tail.left == 0) {
		return 0;
	}
	r = tail_make(o, p, tail.data, tail.left);
	if (r == 0) {
		o->host->blocked(o->handle, p);
	}
	return r;
}
