#include "util/pass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(PASS_FDS * sizeof(int))];
};

int pass_send(int sock, const void *data, size_t n, const int *fds, size_t n_fds)
{
	union control control = {0};
	struct iovec iov = {(void *)(uintptr_t)data, n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds > 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void take(struct msghdr *msg, struct passed_fds *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
			n <= PASS_FDS - ret->n) {
			memcpy(ret->fds + ret->n, CMSG_DATA(c), n * sizeof(int));
			ret->n += n;
		}
	}
}

ssize_t pass_receive(int sock, void *data, size_t size, struct passed_fds *ret)
{
	union control control;
	struct iovec iov = {data, size};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	ret->n = 0;
	if (n < 0) {
		return -errno;
	}
	take(&msg, ret);
	if (msg.msg_flags & MSG_CTRUNC) {
		while (ret->n > 0) {
			close(ret->fds[--ret->n]);
		}
		return -EBADMSG;
	}
	return n;
}
