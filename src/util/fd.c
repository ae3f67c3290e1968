#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

int fd_prepare(int fd)
{
	int fl = fcntl(fd, F_GETFL);
	int fdfl = fcntl(fd, F_GETFD);

	if (fl < 0 || fdfl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, fdfl | FD_CLOEXEC) < 0) {
		return -errno;
	}
	return 0;
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

int fd_read_file(const char *path, size_t max, char **ret, size_t *ret_n)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	CLEANUP_FREE char *buf = NULL;
	size_t n = 0, size = 0;

	if (fd < 0) {
		return -errno;
	}
	for (;;) {
		ssize_t k;

		if (size - n < 2) {
			char *p = realloc(buf, size = size ? 2 * size : 4096);

			if (!p) {
				return -ENOMEM;
			}
			buf = p;
		}
		k = read(fd, buf + n, size - n - 1);
		if (k < 0 && errno == EINTR) {
			continue;
		}
		if (k < 0) {
			return -errno;
		}
		if (k == 0) {
			break;
		}
		n += (size_t)k;
		if (n > max) {
			return -EFBIG;
		}
	}
	buf[n] = '\0';
	*ret = TAKE_PTR(buf);
	*ret_n = n;
	return 0;
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
