#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0) {
		close(fd);
	}
	errno = saved;
	return -1;
}

void fd_event_signal(int fd)
{
	const uint64_t one = 1;
	ssize_t k = write(fd, &one, sizeof(one));

	(void)k; /* EAGAIN: it is readable already */
}

void fd_event_clear(int fd)
{
	uint64_t n;
	ssize_t k = read(fd, &n, sizeof(n));

	(void)k; /* EAGAIN: nobody has signalled */
}

int fd_write_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = write(fd, s, n);

		if (k >= 0) {
			s += k;
			n -= (size_t)k;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLOUT};

			if (poll(&pfd, 1, -1) < 0 && errno != EINTR) {
				return -errno;
			}
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Room for one more byte and a NUL. */
static int grow(char **buf, size_t n, size_t *size)
{
	size_t more = *size ? 2 * *size : 4096;
	char *p;

	if (*size - n >= 2) {
		return 0;
	}
	p = realloc(*buf, more);
	if (!p) {
		return -ENOMEM;
	}
	*buf = p;
	*size = more;
	return 0;
}

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_n)
{
	CLEANUP_FREE char *buf = NULL;
	size_t n = 0, size = 0;
	ssize_t k;

	do {
		int r = grow(&buf, n, &size);

		if (r < 0) {
			return r;
		}
		k = read(fd, buf + n, size - n - 1);
		if (k < 0 && errno != EINTR) {
			return -errno;
		}
		n += k > 0 ? (size_t)k : 0;
		if (n > max) {
			return -EFBIG;
		}
	} while (k != 0);
	buf[n] = '\0';
	*ret = TAKE_PTR(buf);
	*ret_n = n;
	return 0;
}

int fd_read_file(const char *path, size_t max, char **ret, size_t *ret_n)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_all(fd, max, ret, ret_n);
}

size_t fd_raise_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0) {
		return 1024;
	}
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) < 0 && getrlimit(RLIMIT_NOFILE, &rl) < 0) {
			return 1024;
		}
	}
	return (size_t)rl.rlim_cur;
}
