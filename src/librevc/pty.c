/*
 * Terminals, pty(7). The name is a link to the terminal that the next client gets. Several may
 * open it before the daemon takes it away: the lock says whose it is, the others begin anew.
 * That the daemon has taken it is seen by its mode, which is 0 from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "librevc/transports.h"
#include "util/clock.h"
#include "util/fd.h"

#define PTY_FRAME ((size_t)1 << 30)
#define PTY_INFLIGHT ((size_t)16 << 10)
#define LOOK_NS 100000 /* how often to look */

static bool has_hung_up(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

/* Does it lead to a terminal that is no more? */
static bool is_link(const char *path)
{
	int err = errno;
	struct stat st;
	bool is = err == ENOENT && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);

	errno = err;
	return is;
}

/* The terminal, which is this session's alone; -EAGAIN: it is another's, or was an earlier one's.
 */
static int open_terminal(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		return errno == EIO || errno == ENXIO || is_link(path) ? -EAGAIN : -errno;
	}
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode)) {
		return -ENOTTY;
	}
	if (has_hung_up(fd) || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		return -EAGAIN;
	}
	return isatty(fd) ? TAKE_FD(fd) : errno == EIO ? -EAGAIN : -ENOTTY;
}

static void pause_a_little(void)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	nanosleep(&pause, NULL);
}

/* 0 once the daemon has taken it; -EAGAIN: it did not want to. */
static int await_daemon(int fd, uint64_t deadline)
{
	struct stat st;

	while (fstat(fd, &st) == 0) {
		if (has_hung_up(fd)) {
			return -EAGAIN;
		}
		if ((st.st_mode & 0777) == 0) {
			return 0;
		}
		if (clock_now() >= deadline) {
			return -ETIMEDOUT;
		}
		pause_a_little();
	}
	return -errno;
}

static int open_once(struct revc *s, uint64_t deadline)
{
	CLEANUP_FD int fd = open_terminal(s->uri.address);
	int r = fd < 0 ? fd : await_daemon(fd, deadline);

	if (r == 0) {
		s->in_fd = s->out_fd = TAKE_FD(fd);
	}
	return r;
}

static int pty_open(struct revc *s, uint64_t deadline)
{
	int r = open_once(s, deadline);

	while (r == -EAGAIN && clock_now() < deadline) {
		pause_a_little();
		r = open_once(s, deadline);
	}
	s->limits = (struct revc_limits){
		.message_max = PTY_FRAME, .inflight_bytes = PTY_INFLIGHT, .inflight_max = 4096};
	return r < 0 ? session_fail(s, FAILURE_CONNECT, r == -EAGAIN ? ETIMEDOUT : -r) : 0;
}

static ssize_t pty_send(struct revc *s, const uint8_t *p, size_t n)
{
	ssize_t k;

	do {
		k = write(s->out_fd, p, n);
	} while (k < 0 && errno == EINTR);
	return k < 0 ? (errno == EIO ? -EPIPE : -errno) : k > 0 ? k : -EAGAIN;
}

static int pty_fill(struct revc *s)
{
	ssize_t k = session_read(s);

	return k > 0 ? 0 : k == 0 || k == -EIO ? -ECONNRESET : (int)k;
}

const struct transport transport_pty = {
	.name = "pty",
	.open = pty_open,
	.send = pty_send,
	.fill = pty_fill,
};
