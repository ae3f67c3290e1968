#include "uds/packets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

struct packets_tail {
	size_t head, len; /* bytes in data: records of a size_t and the message */
	uint8_t data[];
};

int packets_init(struct packets *o, const struct packets_ops *ops)
{
	o->ops = ops;
	o->msgs = calloc(PACKETS_MAX, sizeof(*o->msgs));
	o->iov = calloc(PACKETS_MAX, sizeof(*o->iov));
	return o->msgs && o->iov ? 0 : -ENOMEM;
}

void packets_finish(struct packets *o)
{
	free(o->mem);
	free(o->msgs);
	free(o->iov);
	*o = (struct packets){0};
}

/* Grows the arena; what is committed keeps its place. */
static int make_room(struct packets *o, size_t size)
{
	uint8_t *mem;

	if (size <= o->size) {
		return 0;
	}
	size = size < PACKETS_ARENA ? PACKETS_ARENA : size;
	mem = realloc(o->mem, size);
	if (!mem) {
		return -ENOMEM;
	}
	for (unsigned i = 0; i < o->n; i++) {
		size_t at = (size_t)((uint8_t *)o->iov[i].iov_base - o->mem);

		o->iov[i].iov_base = mem + at;
	}
	o->mem = mem;
	o->size = size;
	return 0;
}

int packets_reserve(struct packets *o, struct packets_peer *p, size_t min, struct rv_room *ret)
{
	int r;

	if (o->owner && o->owner != p) {
		(void)packets_flush(o, o->owner);
	} else if (o->owner && (o->n == PACKETS_MAX || o->size - o->used < min)) {
		r = packets_flush(o, p);
		if (r < 0) {
			return r; /* perhaps the peer is gone */
		}
	}
	if (p->tail) {
		return -EAGAIN;
	}
	r = make_room(o, o->used + min);
	if (r < 0) {
		return r;
	}
	o->owner = p;
	ret->data = o->mem + o->used;
	ret->size = o->size - o->used;
	return 0;
}

void packets_commit(struct packets *o, struct packets_peer *p, size_t used)
{
	if (o->owner != p || used == RV_COMMIT_NONE) {
		return;
	}
	o->iov[o->n] = (struct iovec){.iov_base = o->mem + o->used, .iov_len = used};
	o->msgs[o->n] = (struct mmsghdr){
		.msg_hdr = {.msg_iov = &o->iov[o->n], .msg_iovlen = 1},
	};
	o->n++;
	o->used += used;
}

static void forget(struct packets *o)
{
	o->n = 0;
	o->used = 0;
	o->owner = NULL;
}

static void broken(struct packets *o, struct packets_peer *p, int err)
{
	packets_drop(o, p);
	o->ops->broken(o, p, err);
}

/* Copies messages from the i-th on to the peer's own memory. */
static int keep(struct packets *o, struct packets_peer *p, unsigned i)
{
	size_t size = 0, at = 0;

	for (unsigned k = i; k < o->n; k++) {
		size += sizeof(size_t) + o->iov[k].iov_len;
	}
	p->tail = malloc(sizeof(*p->tail) + size);
	if (!p->tail) {
		return -ENOMEM;
	}
	*p->tail = (struct packets_tail){.len = size};
	for (unsigned k = i; k < o->n; k++) {
		const size_t n = o->iov[k].iov_len;

		memcpy(p->tail->data + at, &n, sizeof(n));
		memcpy(p->tail->data + at + sizeof(n), o->iov[k].iov_base, n);
		at += sizeof(n) + n;
	}
	return o->ops->watch(o, p, true);
}

static int send_some(int fd, struct mmsghdr *msgs, unsigned n)
{
	int k;

	do {
		k = n == 1 ? (int)send(fd, msgs->msg_hdr.msg_iov->iov_base,
				     msgs->msg_hdr.msg_iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL)
			   : sendmmsg(fd, msgs, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : n == 1 ? 1 : k;
}

int packets_flush(struct packets *o, struct packets_peer *p)
{
	unsigned i = 0;
	int k = 0;

	if (o->owner != p) {
		return p->tail ? -EAGAIN : 0;
	}
	while (i < o->n) {
		k = send_some(o->ops->fd(p), o->msgs + i, o->n - i);
		if (k < 0) {
			break;
		}
		i += (unsigned)k;
	}
	if (k == -EAGAIN || k == -ENOBUFS) {
		k = keep(o, p, i);
	}
	forget(o);
	if (k < 0) {
		broken(o, p, k);
		return k;
	}
	if (p->tail) {
		o->ops->progress(o, p);
		return -EAGAIN;
	}
	return 0;
}

void packets_writable(struct packets *o, struct packets_peer *p)
{
	struct packets_tail *t = p->tail;
	bool moved = false;

	while (t && t->head < t->len) {
		struct iovec iov = {.iov_base = t->data + t->head + sizeof(size_t)};
		struct mmsghdr m = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
		int k;

		memcpy(&iov.iov_len, t->data + t->head, sizeof(iov.iov_len));
		k = send_some(o->ops->fd(p), &m, 1);
		if (k == -EAGAIN || k == -ENOBUFS) {
			if (moved) {
				o->ops->progress(o, p);
			}
			return;
		}
		if (k < 0) {
			broken(o, p, k);
			return;
		}
		moved = true;
		t->head += sizeof(size_t) + iov.iov_len;
	}
	free(t);
	p->tail = NULL;
	if (o->ops->watch(o, p, false) == 0) {
		o->ops->sent(o, p);
	}
}

void packets_drop(struct packets *o, struct packets_peer *p)
{
	if (o->owner == p) {
		forget(o);
	}
	free(p->tail);
	p->tail = NULL;
}
