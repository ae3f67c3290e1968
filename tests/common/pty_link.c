#include "common/pty_link.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/wait.h"

/* A terminal takes any part of what is written. The rest is kept, and goes out before anything
 * else: to wait for it here would wait for a daemon that waits to be read. */
static void send_rest(struct pty_link *l)
{
	ssize_t k = l->n_rest > 0 ? write(l->fd, l->rest, l->n_rest) : 0;

	if (k > 0) {
		l->n_rest -= (size_t)k;
		memmove(l->rest, l->rest + k, l->n_rest);
	}
}

static ssize_t pty_send(void *ctx, const void *p, size_t n)
{
	struct pty_link *l = ctx;
	ssize_t k;

	send_rest(l);
	if (l->n_rest > 0) {
		return -EAGAIN;
	}
	k = write(l->fd, p, n);
	if (k > 0 && n - (size_t)k <= sizeof(l->rest)) {
		l->n_rest = n - (size_t)k;
		memcpy(l->rest, (const char *)p + k, l->n_rest);
		return (ssize_t)n;
	}
	return k < 0 ? -errno : k;
}

/* A terminal that was hung up reads as at its end. */
static ssize_t pty_recv(void *ctx, void *p, size_t n)
{
	struct pty_link *l = ctx;
	ssize_t k;

	send_rest(l);
	k = read(l->fd, p, n);
	return k > 0 ? k : k == 0 || errno == EIO ? -ENOTCONN : -errno;
}

static bool pty_wait(void *ctx, bool for_send, int ms)
{
	struct pty_link *l = ctx;
	struct pollfd p = {.fd = l->fd,
		.events = (short)((for_send ? 0 : POLLIN) |
				  (for_send || l->n_rest > 0 ? POLLOUT : 0))};

	return poll(&p, 1, ms) > 0;
}

static void pty_half_close(void *ctx)
{
	(void)ctx;
	ck_abort_msg("a terminal is open or not");
}

static void pty_close(void *ctx)
{
	close(((struct pty_link *)ctx)->fd);
	free(ctx);
}

struct pty_link *pty_link_open(const char *path)
{
	uint64_t until = wait_until(WAIT_MS);
	struct pty_link *l = calloc(1, sizeof(*l));
	struct stat st;

	ck_assert_ptr_nonnull(l);
	l->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(l->fd, 0);
	do {
		ck_assert_msg(wait_left(until) > 0, "nobody takes the terminal");
		ck_assert_int_eq(fstat(l->fd, &st), 0);
	} while (st.st_mode & 0777);
	l->link = (struct client_link){.ctx = l,
		.stream = true,
		.send = pty_send,
		.recv = pty_recv,
		.wait = pty_wait,
		.half_close = pty_half_close,
		.close = pty_close};
	return l;
}
