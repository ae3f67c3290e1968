/* <revd/base/util.h>: what every backend needs and libc lacks. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <revd/backend.h>

/* Also of a const member, hence the detour. */
#define CONTAINER_OF(p, type, member) ((type *)((uintptr_t)(p)-offsetof(type, member)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Keeps errno. */
static inline void fd_close_p(int *fd)
{
	int saved = errno;

	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
	errno = saved;
}

#define CLEANUP_FD __attribute__((cleanup(fd_close_p)))
#define TAKE_FD(fd)               \
	__extension__({           \
		int take_ = (fd); \
		(fd) = -1;        \
		take_;            \
	})

/* Writes the sentence and returns err, so that a failure is one statement; and: behind
 * the sentence comes what errno means, and -errno is returned. */
int rv_fail(struct rv_err *, int err, const char *fmt, ...) PRINTF(3, 4);
int rv_fail_errno(struct rv_err *, const char *fmt, ...) PRINTF(2, 3);
