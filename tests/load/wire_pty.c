/* A terminal: the link leads to the next one; it is ours once its mode is 0. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "load/wire.h"
#include "util/clock.h"
#include "util/fd.h"

#define OPEN_NS (UINT64_C(5) * NS_PER_S)
#define LOOK_NS 100000

static bool has_hung_up(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

static void wait_a_little(void)
{
	const struct timespec t = {.tv_nsec = LOOK_NS};

	nanosleep(&t, NULL);
}

/* Our terminal, or -EAGAIN: somebody else's. */
static int open_once(const char *path, uint64_t until)
{
	CLEANUP_FD int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		return errno == EWOULDBLOCK || errno == EIO ? -EAGAIN : -errno;
	}
	while (fstat(fd, &st) == 0 && st.st_mode & 0777) {
		if (has_hung_up(fd) || clock_now() > until) {
			return -EAGAIN;
		}
		wait_a_little();
	}
	return TAKE_FD(fd);
}

static int terminal_open(struct wire *w)
{
	uint64_t until = clock_now() + OPEN_NS;
	int r;

	while ((r = open_once(w->address, until)) == -EAGAIN && clock_now() < until) {
		wait_a_little();
	}
	w->in = w->out = r < 0 ? -1 : r;
	return r < 0 ? r : 0;
}

/* A terminal that can take nothing may say so with 0. */
static ssize_t terminal_send(struct wire *w, const void *p, size_t n)
{
	ssize_t k = wire_write(w, p, n);

	return k == 0 ? -EAGAIN : k;
}

const struct wire_kind wire_pty = {.name = "pty",
	.text_max = 1500,
	.budget = 16u << 10,
	.open = terminal_open,
	.send = terminal_send,
	.recv = wire_read};
