/* Descriptors: owning locals, and reads and writes that go on after EINTR. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include "util/macro.h"

/* Closes fd if it is one; keeps errno. Returns -1, for fd = fd_close(fd). */
int fd_close(int fd);

static inline void fd_close_p(int *fd)
{
	fd_close(*fd);
}

#define CLEANUP_FD CLEANUP(fd_close_p)

/* Makes an eventfd readable, and unreadable again. Any thread. */
void fd_event_signal(int fd);
void fd_event_clear(int fd);

/* Writes all n bytes, waiting with poll() where fd is non-blocking. 0 or -errno. */
int fd_write_all(int fd, const void *p, size_t n) MUST_CHECK;

/* Reads up to the end into *ret (NUL-terminated, freed by the caller); more
 * than max bytes is -EFBIG. 0 or -errno. fd blocks, or is of a kind that never does. */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_n) MUST_CHECK;
/* The same for a file. */
int fd_read_file(const char *path, size_t max, char **ret, size_t *ret_n) MUST_CHECK;

/* Raises the soft RLIMIT_NOFILE to the hard one; returns the limit. */
size_t fd_raise_limit(void);
