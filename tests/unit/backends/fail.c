#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/event.h>

static unsigned left;
static int errno_of_it;
static bool armed, failed;

void fail_arm(unsigned n, int err)
{
	left = n;
	errno_of_it = err;
	armed = n > 0;
	failed = false;
}

bool fail_disarm(void)
{
	armed = false;
	return failed;
}

void fail_resume(void)
{
	armed = left > 0;
}

static bool is_due(void)
{
	if (!armed || --left > 0) {
		return false;
	}
	armed = false;
	failed = true;
	errno = errno_of_it;
	return true;
}

/* The linker gives the real one this name. */
#define WRAP(type, name, bad, params, args)                 \
	type __real_##name params;                          \
	type __wrap_##name params;                          \
	type __wrap_##name params                           \
	{                                                   \
		return is_due() ? bad : __real_##name args; \
	}

WRAP(void *, malloc, NULL, (size_t n), (n))
WRAP(void *, calloc, NULL, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, NULL, (void *p, size_t n), (p, n))
WRAP(int, mkfifo, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, fstat64, -1, (int fd, struct stat *st), (fd, st))
WRAP(int, lstat64, -1, (const char *path, struct stat *st), (path, st))
WRAP(int, fstatat64, -1, (int fd, const char *path, struct stat *st, int flags),
	(fd, path, st, flags))
WRAP(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
WRAP(int, fchownat, -1, (int fd, const char *path, uid_t u, gid_t g, int flags),
	(fd, path, u, g, flags))
WRAP(int, flock, -1, (int fd, int op), (fd, op))
WRAP(int, inotify_init1, -1, (int flags), (flags))
WRAP(int, inotify_add_watch, -1, (int fd, const char *path, uint32_t mask), (fd, path, mask))
WRAP(int, eventfd, -1, (unsigned n, int flags), (n, flags))
WRAP(ssize_t, read, -1, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, write, -1, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(int, mq_getattr, -1, (mqd_t q, struct mq_attr *a), (q, a))
WRAP(int, mq_setattr, -1, (mqd_t q, const struct mq_attr *a, struct mq_attr *old), (q, a, old))
WRAP(int, mq_send, -1, (mqd_t q, const char *p, size_t n, unsigned prio), (q, p, n, prio))
WRAP(ssize_t, mq_receive, -1, (mqd_t q, char *p, size_t n, unsigned *prio), (q, p, n, prio))

WRAP(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, bind, -1, (int fd, const struct sockaddr *sa, socklen_t n), (fd, sa, n))
WRAP(int, listen, -1, (int fd, int backlog), (fd, backlog))
WRAP(int, accept4, -1, (int fd, struct sockaddr *sa, socklen_t *n, int flags), (fd, sa, n, flags))
WRAP(int, getsockopt, -1, (int fd, int level, int name, void *p, socklen_t *n),
	(fd, level, name, p, n))
WRAP(int, setsockopt, -1, (int fd, int level, int name, const void *p, socklen_t n),
	(fd, level, name, p, n))
WRAP(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
WRAP(int, ftruncate64, -1, (int fd, off_t n), (fd, n))
WRAP(void *, mmap64, MAP_FAILED, (void *at, size_t n, int prot, int flags, int fd, off_t off),
	(at, n, prot, flags, fd, off))
WRAP(ssize_t, sendmsg, -1, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(int, recvmmsg, -1, (int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *t),
	(fd, v, n, flags, t))
WRAP(int, sendmmsg, -1, (int fd, struct mmsghdr *v, unsigned n, int flags), (fd, v, n, flags))

/* Those with an optional mode. */
#define WRAP_OPEN(name, params, flags, ...)                              \
	int __real_##name params;                                        \
	int __wrap_##name params;                                        \
	int __wrap_##name params                                         \
	{                                                                \
		mode_t mode = 0;                                         \
		va_list ap;                                              \
		va_start(ap, flags);                                     \
		if (flags & O_CREAT) {                                   \
			mode = va_arg(ap, mode_t);                       \
		}                                                        \
		va_end(ap);                                              \
		return is_due() ? -1 : __real_##name(__VA_ARGS__, mode); \
	}

WRAP_OPEN(open64, (const char *path, int flags, ...), flags, path, flags)
WRAP_OPEN(openat64, (int fd, const char *path, int flags, ...), flags, fd, path, flags)

mqd_t __real_mq_open(const char *name, int flags, ...);
mqd_t __wrap_mq_open(const char *name, int flags, ...);
mqd_t __wrap_mq_open(const char *name, int flags, ...)
{
	struct mq_attr *attr = NULL;
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT) {
		mode = va_arg(ap, mode_t);
		attr = va_arg(ap, struct mq_attr *);
	}
	va_end(ap);
	return is_due() ? -1 : __real_mq_open(name, flags, mode, attr);
}

/* libevent is not linked with the wraps. */
static void *event_malloc(size_t n)
{
	return __wrap_malloc(n);
}

static void *event_realloc(void *p, size_t n)
{
	return __wrap_realloc(p, n);
}

void fail_init(void)
{
	event_set_mem_functions(event_malloc, event_realloc, free);
}
