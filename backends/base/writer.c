#include <revd/base/writer.h>

#include <assert.h>
#include <stdlib.h>

struct rv_writer_tail {
	size_t head, end; /* what is unsent, in data */
	uint8_t data[];
};

void rv_writer_init(struct rv_writer *o, const struct rv_host *host, struct rv_instance *handle,
	const struct rv_writer_ops *ops)
{
	*o = (struct rv_writer){.host = host, .handle = handle, .ops = ops};
}

void rv_writer_finish(struct rv_writer *o)
{
	free(o->mem);
	*o = (struct rv_writer){0};
}

static void *block(const struct rv_writer *o, struct rv_writer_peer *p)
{
	return (char *)p - o->ops->offset;
}

/* Bytes taken, 0 if the kernel is full, or -errno. */
static ssize_t send_some(struct rv_writer *o, struct rv_writer_peer *p, const void *data, size_t n)
{
	ssize_t k;

	do {
		k = o->ops->send(o, p, data, n);
	} while (k == -EINTR);
	return k == -EAGAIN ? 0 : k;
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
	return o->ops->watch(o, p, true);
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

/* Sends what the owner has committed. 0, -EAGAIN if a tail is left, or what
 * ended the peer. */
static int arena_send(struct rv_writer *o)
{
	struct rv_writer_peer *p = o->owner;
	ssize_t k = send_some(o, p, o->mem, o->used);
	int r = k < 0 ? (int)k : 0;

	if (k >= 0 && (size_t)k < o->used) {
		r = tail_make(o, p, o->mem + k, o->used - (size_t)k);
	}
	arena_empty(o);
	if (r < 0) {
		tail_free(o, p);
		o->ops->broken(o, p, r);
		return r;
	}
	if (p->tail) {
		o->host->blocked(o->handle, block(o, p));
		return -EAGAIN;
	}
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

int rv_writer_reserve(
	struct rv_writer *o, struct rv_writer_peer *p, size_t min, struct rv_room *ret)
{
	int r = 0;

	if (p->tail) {
		return -EAGAIN;
	}
	if (o->used > 0 && o->owner != p) {
		arena_send(o); /* its result is that peer's matter */
	}
	if (o->used > 0 && o->size - o->used < min) {
		r = arena_send(o);
	}
	if (r == 0 && o->size - o->used < min) {
		r = arena_grow(o, min);
	}
	if (r == 0 && !o->mem) {
		r = arena_grow(o, 0);
	}
	if (r < 0) {
		return r;
	}
	o->owner = p;
	ret->data = o->mem + o->used;
	ret->size = o->size - o->used;
	return 0;
}

void rv_writer_commit(struct rv_writer *o, struct rv_writer_peer *p, size_t used)
{
	if (o->owner != p || used == RV_COMMIT_NONE) {
		return;
	}
	assert(used <= o->size - o->used);
	o->used += used;
}

int rv_writer_flush(struct rv_writer *o, struct rv_writer_peer *p)
{
	if (o->owner == p && o->used > 0) {
		return arena_send(o);
	}
	return p->tail ? -EAGAIN : 0;
}

void rv_writer_writable(struct rv_writer *o, struct rv_writer_peer *p)
{
	struct rv_writer_tail *t = p->tail;
	ssize_t k;

	if (!t) {
		return;
	}
	k = send_some(o, p, t->data + t->head, t->end - t->head);
	if (k < 0) {
		tail_free(o, p);
		o->ops->broken(o, p, (int)k);
		return;
	}
	t->head += (size_t)k;
	if (t->head < t->end) {
		if (k > 0) {
			o->host->blocked(o->handle, block(o, p));
		}
		return;
	}
	tail_free(o, p);
	(void)o->ops->watch(o, p, false);
	o->ops->sent(o, p);
}

void rv_writer_drop(struct rv_writer *o, struct rv_writer_peer *p)
{
	if (o->owner == p) {
		arena_empty(o);
	}
	tail_free(o, p);
}

bool rv_writer_unsent(const struct rv_writer *o, const struct rv_writer_peer *p)
{
	return p->tail || (o->owner == p && o->used > 0);
}
