#include "librevc/unix.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/fd.h"

#define RETRY_MIN_NS 1000000u
#define RETRY_MAX_NS 50000000u

static socklen_t make_address(const char *address, struct sockaddr_un *ret)
{
	size_t n = strlen(address); /* uri_parse() has seen to it that it fits */

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, address, n);
	if (address[0] != '@') {
		return (socklen_t)sizeof(*ret);
	}
	ret->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* A full backlog is EAGAIN, not EINPROGRESS, and no event tells when there is room. */
static int connect_before(int fd, const struct sockaddr_un *sa, socklen_t len, uint64_t deadline)
{
	uint64_t pause = RETRY_MIN_NS;

	for (;;) {
		struct timespec ts = {.tv_nsec = (long)pause};

		if (connect(fd, (const struct sockaddr *)sa, len) == 0) {
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR) {
			return -errno;
		}
		if (clock_now() >= deadline) {
			return -EAGAIN;
		}
		nanosleep(&ts, NULL);
		pause = MIN(2 * pause, (uint64_t)RETRY_MAX_NS);
	}
}

int unix_connect(const struct revc *s, int type, uint64_t deadline)
{
	CLEANUP_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	socklen_t len = make_address(s->uri.address, &sa);
	int r;

	if (fd < 0) {
		return -errno;
	}
	r = connect_before(fd, &sa, len, deadline);
	return r < 0 ? r : TAKE_FD(fd);
}

/* A connect to another kind of file is refused like one to a socket without a server. */
static int judge_connect_error(const char *address, int err)
{
	struct stat st;

	return err == ECONNREFUSED && address[0] != '@' && stat(address, &st) == 0 &&
			       !S_ISSOCK(st.st_mode)
		       ? ENOTSOCK
		       : err;
}

int unix_fail(struct revc *s, int err)
{
	return session_fail(s, FAILURE_CONNECT, judge_connect_error(s->uri.address, err));
}
