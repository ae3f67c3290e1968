#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "fake_ops.h"
#include "util/fd.h"

#define ROOM ((size_t)64 << 10)

const struct rv_host *fake_host;

struct block {
	struct fake *fake;
};

struct peer_block {
	struct fake_peer *peer;
};

static struct fake *fake_of(const void *in)
{
	return ((const struct block *)in)->fake;
}

/* It may be called for. */
static struct fake_peer *live(const void *peer)
{
	struct fake_peer *p = ((const struct peer_block *)peer)->peer;

	ck_assert_ptr_nonnull(p);
	ck_assert_msg(p->block == peer, "a call for a peer that has ended");
	return p;
}

static void tell(struct fake *f, enum fake_call what, struct fake_peer *p)
{
	if (f->on[what]) {
		f->on[what](f, p);
	}
}

static int attach(void *in, void *ep, const struct rv_host *host, struct rv_instance *instance,
	struct rv_err *err)
{
	(void)instance;
	(void)err;
	((struct block *)in)->fake = ep;
	fake_host = host;
	return 0;
}

static void drain(void *in)
{
	(void)in;
}

static void end(struct fake *f, struct fake_peer *p)
{
	void *block = p->block;

	p->block = NULL;
	fake_host->peer_gone(&f->in, block);
}

static void detach(void *in)
{
	struct fake *f = fake_of(in);

	for (size_t i = 0; i < f->n_peers; i++) {
		if (f->peers[i].block) {
			end(f, &f->peers[i]);
		}
	}
}

static void resume(void *in, void *peer)
{
	struct fake_peer *p = live(peer);

	ck_assert_msg(!p->closed, "resumed after its end was asked for");
	ck_assert_msg(p->stopped, "resumed without having been stopped");
	p->stopped = false;
	p->n_resumed++;
	tell(fake_of(in), FAKE_RESUME, p);
}

static void close_peer(void *in, void *peer, enum rv_close how)
{
	struct fake_peer *p = live(peer);

	p->closed = true;
	p->how = how;
	if (!p->lingers) {
		end(fake_of(in), p);
	}
}

static int reply_peer(void *in, const char *token, size_t n, void **ret)
{
	struct fake *f = fake_of(in);

	for (size_t i = 0; i < f->n_peers; i++) {
		const struct fake_peer *p = &f->peers[i];

		if (p->block && p->token && strlen(p->token) == n &&
			memcmp(p->token, token, n) == 0) {
			*ret = p->block;
			return 0;
		}
	}
	return -ENOENT;
}

static int reserve(void *in, void *peer, size_t min, struct rv_room *ret)
{
	struct fake *f = fake_of(in);
	struct fake_peer *p = live(peer);
	size_t room = MAX(p->room ? p->room : ROOM, min);

	ck_assert_msg(!f->reserved, "a reservation is open already");
	ck_assert_msg(!p->info.max_message || min <= MAX(p->info.max_message, p->info.max_line),
		"%zu bytes for a message", min);
	tell(f, FAKE_RESERVE, p);
	if (p->blocked) {
		return -EAGAIN;
	}
	f->reserved = p;
	f->room = malloc(room); /* anew each time, so that tools see what is written too far */
	*ret = (struct rv_room){f->room, room};
	return 0;
}

static void commit(void *in, void *peer, size_t used, uint32_t tag)
{
	struct fake *f = fake_of(in);
	struct fake_peer *p = ((struct peer_block *)peer)->peer;

	ck_assert_ptr_eq(f->reserved, p);
	if (used != RV_COMMIT_NONE) {
		ck_assert_int_eq(bytes_put(&p->out, f->room, used), 0);
		ck_assert_uint_lt(p->n_commits, FAKE_MESSAGES);
		p->lens[p->n_commits] = used;
		p->tags[p->n_commits++] = tag;
	}
	f->reserved = NULL;
	free(TAKE_PTR(f->room));
	tell(f, FAKE_COMMIT, p);
}

static void commit_error(void *in, void *peer, size_t used, uint32_t tag, enum rv_status status)
{
	struct fake_peer *p = ((struct peer_block *)peer)->peer;

	ck_assert_int_ne(status, RV_STATUS_OK);
	ck_assert_uint_ne(used, RV_COMMIT_NONE);
	p->errors[p->n_commits] = (uint8_t)status;
	commit(in, peer, used, tag);
}

void fake_tell_errors(struct fake *f)
{
	f->ops.commit_error = commit_error;
	f->in.tells_errors = true;
}

static void flush(void *in, void *peer)
{
	struct fake_peer *p = live(peer);

	p->n_flushed = p->out.len;
	tell(fake_of(in), FAKE_FLUSH, p);
}

/* An endpoint has nothing to hand over but its peers. */
static void hand_over(void *ep, struct rv_handover *h)
{
	(void)ep;
	(void)h;
}

static int take_over(void *ep, const struct rv_endpoint_info *info, const void *cfg, const int *fds,
	size_t n_fds, struct rv_takeover *t, struct rv_err *err)
{
	(void)ep;
	(void)info;
	(void)cfg;
	(void)fds;
	(void)n_fds;
	(void)t;
	(void)err;
	return 0;
}

/* What was sent stays with the peer, as if its client were still to read it. */
static void hand_over_peer(void *in, void *peer, struct rv_handover *h)
{
	const struct fake_peer *p = live(peer);

	(void)in;
	rv_pack_u64(&h->data, p->info.flags);
	rv_pack_u64(&h->data, p->info.max_message);
	rv_pack_u64(&h->data, p->blocked);
	rv_pack_u64(&h->data, p->closed);
	rv_pack_string(&h->data, p->token);
	rv_pack_blob(&h->data, bytes_head(&p->out), p->out.len);
	rv_handover_fd(h, STDIN_FILENO);
}

static int take_over_peer(void *in, struct rv_takeover *t, void **ret_peer, bool *ret_closing)
{
	struct fake *f = fake_of(in);
	struct rv_peer_info info = {.uid = 1000};
	bool blocked, closed, token;
	struct rv_unpack out;
	struct fake_peer *p;

	info.flags = (uint32_t)rv_unpack_u64(&t->data);
	info.max_message = (size_t)rv_unpack_u64(&t->data);
	blocked = rv_unpack_u64(&t->data) != 0;
	closed = rv_unpack_u64(&t->data) != 0;
	token = rv_unpack_string(&t->data)[0] != '\0';
	out = rv_unpack_blob(&t->data);
	fd_close(rv_takeover_fd(t));
	if (!rv_unpack_ok(&t->data) || out.failed || info.max_message) { /* none of these does */
		return -EBADMSG;
	}
	p = fake_connect_as(f, &info);
	if (!p) {
		return -EBUSY;
	}
	p->token = token ? "t" : NULL;
	p->stopped = true;
	p->closed = p->lingers = closed;
	ck_assert_int_eq(bytes_put(&p->out, out.data, out.left), 0);
	p->n_flushed = p->out.len;
	*ret_peer = p->block;
	*ret_closing = closed;
	if (blocked) {
		fake_full(f, p);
	}
	return 0;
}

const struct rv_backend_ops fake_backend_ops = {
	.magic = REVD_BACKEND_MAGIC,
	.abi = REVD_BACKEND_ABI,
	.size = sizeof(struct rv_backend_ops),
	.name = "fake",
	.instance_size = sizeof(struct block),
	.peer_size = sizeof(struct peer_block),
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = resume,
	.peer_close = close_peer,
	.reply_peer = reply_peer,
	.reserve = reserve,
	.commit = commit,
	.flush = flush,
	.hand_over = hand_over,
	.take_over = take_over,
	.hand_over_peer = hand_over_peer,
	.take_over_peer = take_over_peer,
};

/* What it tells its host. */

struct fake_peer *fake_connect_as(struct fake *f, const struct rv_peer_info *info)
{
	struct fake_peer *p = &f->peers[f->n_peers];
	void *block;

	if (fake_host->peer_new(&f->in, info, &block) < 0) {
		return NULL;
	}
	ck_assert_uint_lt(f->n_peers, FAKE_PEERS);
	f->n_peers++;
	p->block = block;
	p->info = *info;
	((struct peer_block *)block)->peer = p;
	return p;
}

struct fake_peer *fake_connect(struct fake *f, uint32_t flags)
{
	struct fake_peer *p =
		fake_connect_as(f, &(struct rv_peer_info){.flags = flags, .uid = 1000});

	ck_assert_ptr_nonnull(p);
	return p;
}

void fake_leave(struct fake *f, struct fake_peer *p)
{
	(void)f;
	end(f, p);
}

static enum rv_next note(struct fake_peer *p, enum rv_next next)
{
	ck_assert_int_eq(next == RV_READ_GONE, !p->block || p->closed);
	p->stopped |= next == RV_READ_STOP;
	return next;
}

enum rv_next fake_bytes(struct fake *f, struct fake_peer *p, const void *data, size_t n)
{
	/* a copy of its own, so that tools see what is read too far */
	uint8_t *copy = malloc(MAX(n, 1u));
	enum rv_next next;

	memcpy(copy, data, n);
	next = note(p, fake_host->bytes(&f->in, p->block, copy, n, !p->more));
	free(copy);
	return next;
}

enum rv_next fake_message(struct fake *f, struct fake_peer *p, const void *data, size_t n,
	uint32_t tag, struct fake_peer *reply_to)
{
	struct rv_msg m = {.data = data,
		.len = n,
		.tag = tag,
		.reply_peer = reply_to ? reply_to->block : NULL};

	return note(p, fake_host->messages(&f->in, p->block, &m, 1));
}

void fake_eof(struct fake *f, struct fake_peer *p)
{
	fake_host->eof(&f->in, p->block);
}

void fake_drained(struct fake *f)
{
	fake_host->drained(&f->in);
}

void fake_full(struct fake *f, struct fake_peer *p)
{
	p->blocked = true;
	fake_host->blocked(&f->in, p->block);
}

void fake_unblock(struct fake *f, struct fake_peer *p)
{
	p->blocked = false;
	fake_host->writable(&f->in, p->block);
}
