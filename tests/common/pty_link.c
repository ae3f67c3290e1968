#include "common/pty_link.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/wait.h"

/* All or nothing of a small piece, as on a socket: a terminal takes any part. */
static ssize_t pty_send(void *ctx, const void *p, size_t n)
{
	struct pollfd room = {.fd = ((struct pty_link *)ctx)->fd, .events = POLLOUT};
	size_t done = 0;

	do {
		ssize_t k = write(room.fd, (const char *)p + done, n - done);

		if (k < 0 && (errno != EAGAIN || done == 0)) {
			return -errno;
		}
		done += k > 0 ? (size_t)k : 0;
	} while (done < n && poll(&room, 1, WAIT_MS) > 0);
	return (ssize_t)done;
}

/* A terminal that was hung up reads as at its end. */
static ssize_t pty_recv(void *ctx, void *p, size_t n)
{
	ssize_t k = read(((struct pty_link *)ctx)->fd, p, n);

	return k > 0 ? k : k == 0 || errno == EIO ? -ENOTCONN : -errno;
}

static bool pty_wait(void *ctx, bool for_send, int ms)
{
	struct pollfd p = {
		.fd = ((struct pty_link *)ctx)->fd, .events = for_send ? POLLOUT : POLLIN};

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
