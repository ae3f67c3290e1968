#include "daemon/control.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <revd/option.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/fd.h"
#include "util/log.h"

#define BACKLOG 8

socklen_t control_address(pid_t pid, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "revd-control-%ld", (long)pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static bool may_ask(int fd)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static void answer(const struct control *c, int fd)
{
	struct rv_err err = {{0}};
	char text[CONTROL_ANSWER];
	char result = CONTROL_FAILED;
	int n;

	if (!may_ask(fd)) {
		snprintf(err.msg, sizeof(err.msg), "only root and the daemon's own user may do that");
	} else if (c->reload(c->ctx, &err) == 0) {
		result = CONTROL_DONE;
	}
	n = snprintf(text, sizeof(text), "%c%s", result, err.msg);
	(void)send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT); /* who left misses it */
}

static void on_asked(evutil_socket_t fd, short what, void *arg)
{
	CLEANUP_FD int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (peer >= 0) {
		answer(arg, peer);
	}
}

static int listen_there(void)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	socklen_t n = control_address(getpid(), &sa);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) < 0 || listen(fd, BACKLOG) < 0) {
		return -errno;
	}
	return TAKE_FD(fd);
}

void control_start(struct control *c, struct event_base *base,
	int (*reload)(void *ctx, struct rv_err *), void *ctx)
{
	*c = (struct control){.fd = listen_there(), .reload = reload, .ctx = ctx};
	if (c->fd >= 0) {
		c->event = event_new(base, c->fd, EV_READ | EV_PERSIST, on_asked, c);
	}
	if (!c->event || event_add(c->event, NULL) < 0) {
		log_warning("revd --reload will not find this process by its id: %s",
			c->fd < 0 ? strerror(-c->fd) : "out of memory");
	}
}

void control_finish(struct control *c)
{
	if (c->event) {
		event_free(c->event);
		fd_close(c->fd);
	}
	*c = (struct control){.fd = -1};
}
