#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAKE_INPUT (4u << 20) /* bytes that a peer can say */
#define BLOCK_AT ((sizeof(struct fake_peer) + 15) & ~(size_t)15)

/* ck_assert() allocates and writes also when all is well, which must not be
 * taken for the backend's doing where calls are made to fail. */
#define EXPECT(condition)                               \
	do {                                            \
		if (!(condition)) {                     \
			ck_abort_msg("%s", #condition); \
		}                                       \
	} while (0)

struct fake_peer *fake_peer_of(const void *block)
{
	return (struct fake_peer *)((uintptr_t)block - BLOCK_AT);
}

static struct event_base *host_base(struct rv_instance *f)
{
	return f->base;
}

static uint64_t host_now(struct rv_instance *f)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + f->skew_ns;
}

static int host_peer_new(struct rv_instance *f, const struct rv_peer_info *info, void **ret)
{
	struct fake_peer *p;

	if (f->max_peers && f->n_peers >= f->max_peers) {
		return -EUSERS;
	}
	p = calloc(1, BLOCK_AT + f->ops->peer_size);
	if (!p) {
		return -ENOMEM;
	}
	p->in = calloc(1, FAKE_INPUT);
	if (!p->in) {
		free(p);
		return -ENOMEM;
	}
	p->info = *info;
	p->block = (char *)p + BLOCK_AT;
	p->next = f->peers;
	f->peers = p;
	f->n_peers++;
	*ret = p->block;
	return 0;
}

static void host_peer_gone(struct rv_instance *f, void *block)
{
	struct fake_peer *p = fake_peer_of(block);

	EXPECT(!p->gone);
	p->gone = true;
	f->n_peers--;
	f->n_gone++;
}

static bool host_peer_idle(struct rv_instance *f, const void *block)
{
	(void)f;
	return !fake_peer_of(block)->busy;
}

static void record(struct fake_peer *p, const void *data, size_t n)
{
	EXPECT(!p->gone);
	EXPECT(n < FAKE_INPUT - p->n_in);
	memcpy(p->in + p->n_in, data, n);
	p->n_in += n;
	p->in[p->n_in] = '\0';
}

static enum rv_next host_bytes(
	struct rv_instance *f, void *block, const void *data, size_t n, bool whole)
{
	EXPECT(n > 0);
	record(fake_peer_of(block), data, n);
	f->n_batches++;
	f->whole = whole;
	return f->next;
}

static enum rv_next host_messages(
	struct rv_instance *f, void *block, const struct rv_msg *v, size_t n)
{
	EXPECT(n > 0);
	for (size_t i = 0; i < n; i++) {
		EXPECT(f->n_messages < 256);
		f->messages[f->n_messages++] =
			(struct fake_message){.len = v[i].len, .tag = v[i].tag};
		record(fake_peer_of(block), v[i].data, v[i].len);
	}
	f->n_batches++;
	return f->next;
}

static void host_eof(struct rv_instance *f, void *block)
{
	(void)f;
	fake_peer_of(block)->n_eof++;
}

static void host_blocked(struct rv_instance *f, void *block)
{
	(void)f;
	EXPECT(!fake_peer_of(block)->gone);
	fake_peer_of(block)->n_blocked++;
}

static void host_writable(struct rv_instance *f, void *block)
{
	(void)f;
	EXPECT(!fake_peer_of(block)->gone);
	fake_peer_of(block)->n_writable++;
}

static void host_each_peer(struct rv_instance *f, void (*fn)(void *peer, void *arg), void *arg)
{
	for (struct fake_peer *p = f->peers; p; p = p->next) {
		if (!p->gone) {
			fn(p->block, arg);
		}
	}
}

static void host_dropped(struct rv_instance *f, enum rv_drop why, uint64_t n)
{
	f->drops[why] += n;
}

static void host_drained(struct rv_instance *f)
{
	f->n_drained++;
}

static void host_failed(struct rv_instance *f, int err)
{
	EXPECT(err >= 0);
	f->failed = err;
}

static void host_down(struct rv_instance *f, const char *why)
{
	EXPECT(why && *why);
	f->down = true;
}

static void host_up(struct rv_instance *f)
{
	f->down = false;
}

__attribute__((format(printf, 3, 4))) static void host_log(
	struct rv_instance *f, int prio, const char *fmt, ...)
{
	size_t at = strlen(f->log);
	va_list ap;

	(void)prio;
	va_start(ap, fmt);
	vsnprintf(f->log + at, sizeof(f->log) - at, fmt, ap);
	va_end(ap);
}

static const struct rv_host host = {
	.size = sizeof(struct rv_host),
	.event_base = host_base,
	.now = host_now,
	.peer_new = host_peer_new,
	.peer_gone = host_peer_gone,
	.peer_idle = host_peer_idle,
	.bytes = host_bytes,
	.messages = host_messages,
	.eof = host_eof,
	.blocked = host_blocked,
	.writable = host_writable,
	.each_peer = host_each_peer,
	.dropped = host_dropped,
	.drained = host_drained,
	.failed = host_failed,
	.down = host_down,
	.up = host_up,
	.log = host_log,
};

struct rv_endpoint_info fake_info(void)
{
	return (struct rv_endpoint_info){
		.name = "test",
		.mode = 0620,
		.out_mode = 0640,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.max_peers = 8,
		.max_request = 1u << 20,
	};
}

struct rv_instance *fake_new(const struct rv_backend_ops *ops)
{
	struct rv_instance *f = calloc(1, sizeof(*f));

	ck_assert_ptr_nonnull(f);
	f->ops = ops;
	f->base = event_base_new();
	f->endpoint = calloc(1, ops->endpoint_size + 1);
	f->block = calloc(1, ops->instance_size);
	EXPECT(f->base && f->endpoint && f->block);
	return f;
}

int fake_open(struct rv_instance *f, const struct rv_endpoint_info *info, const void *cfg,
	const int *fds, size_t n_fds)
{
	int r = f->ops->open ? f->ops->open(f->endpoint, info, cfg, fds, n_fds, &f->err) : 0;

	f->opened = r == 0;
	EXPECT(r == 0 || f->err.msg[0]);
	return r;
}

static int attach(struct rv_instance *f)
{
	int r = f->ops->attach(f->block, f->endpoint, &host, f, &f->err);

	f->attached = r == 0;
	return r;
}

void fake_start(struct rv_instance *f, const void *cfg, const int *fds, size_t n_fds)
{
	struct rv_endpoint_info info = fake_info();

	ck_assert_msg(!f->ops->check || f->ops->check(cfg, &f->err) == 0, "%s", f->err.msg);
	ck_assert_msg(fake_open(f, &info, cfg, fds, n_fds) == 0, "%s", f->err.msg);
	ck_assert_msg(attach(f) == 0, "%s", f->err.msg);
}

int fake_try_start(struct rv_instance *f, const void *cfg)
{
	struct rv_endpoint_info info = fake_info();
	int r = fake_open(f, &info, cfg, NULL, 0);

	return r < 0 ? r : attach(f);
}

static void free_gone(struct rv_instance *f)
{
	struct fake_peer **at = &f->peers;

	while (*at) {
		struct fake_peer *p = *at;

		if (p->gone) {
			*at = p->next;
			free(p->in);
			free(p);
		} else {
			at = &p->next;
		}
	}
}

void fake_stop(struct rv_instance *f)
{
	if (f->attached) {
		f->ops->detach(f->block);
		f->attached = false;
	}
	EXPECT(f->n_peers == 0);
	free_gone(f);
	if (f->ops->close) {
		f->ops->close(f->endpoint);
	}
	f->opened = false;
}

void fake_free(struct rv_instance *f)
{
	fake_stop(f);
	event_base_free(f->base);
	free(f->endpoint);
	free(f->block);
	free(f);
}

/* Before the loop sleeps. */
static bool poll_served(struct rv_instance *f)
{
	return f->attached && f->ops->poll && f->ops->poll(f->block, true) == RV_POLL_SERVED;
}

void fake_turn(struct rv_instance *f, uint64_t until)
{
	struct timeval tv = {
		.tv_sec = wait_left(until) / 1000, .tv_usec = (wait_left(until) % 1000) * 1000};

	event_base_loopexit(f->base, &tv);
	event_base_loop(f->base, poll_served(f) ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
	free_gone(f);
}

void fake_settle(struct rv_instance *f)
{
	for (int i = 0; i < 20; i++) {
		(void)poll_served(f);
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		free_gone(f);
	}
}

struct fake_peer *fake_find(struct rv_instance *f, uint32_t flags)
{
	struct fake_peer *p = f->peers;

	while (p && (p->gone || (p->info.flags & flags) != flags)) {
		p = p->next;
	}
	return p;
}

int fake_reply_peer(struct rv_instance *f, const char *token, struct fake_peer **ret)
{
	void *block;
	int r = f->ops->reply_peer(f->block, token, strlen(token), &block);

	if (r == 0) {
		*ret = fake_peer_of(block);
	}
	return r;
}

int fake_send(struct rv_instance *f, struct fake_peer *p, const void *data, size_t n, uint32_t tag)
{
	struct rv_room room;
	int r = f->ops->reserve(f->block, p->block, n, &room);

	if (r < 0) {
		return r;
	}
	EXPECT(room.size >= n);
	memcpy(room.data, data, n);
	f->ops->commit(f->block, p->block, n, tag);
	f->ops->flush(f->block, p->block);
	return 0;
}
