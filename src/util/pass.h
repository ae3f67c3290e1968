/* Descriptors as messages of a socket: unix(7), SCM_RIGHTS. */
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include "util/macro.h"

#define PASS_FDS 250u /* in a message; the kernel's SCM_MAX_FD is 253 */

/* One message of n > 0 bytes with n_fds <= PASS_FDS descriptors, of which the other side gets
 * duplicates; without waiting. 0 or -errno. */
int pass_send(int sock, const void *data, size_t n, const int *fds, size_t n_fds) MUST_CHECK;

struct passed_fds {
	int fds[PASS_FDS]; /* the caller's now */
	size_t n;
};

/* One message, without waiting: its length, which is more than size where it did not fit; or
 * -errno. -EBADMSG: not all of its descriptors came, those that did are closed. */
ssize_t pass_receive(int sock, void *data, size_t size, struct passed_fds *ret) MUST_CHECK;
