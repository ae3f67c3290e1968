/*
 * A transport outside of revd's tree: a terminal.
 *
 * Some programs talk through one name that they open for reading and writing.
 * Over one FIFO that cannot work: each side may read its own words back. The
 * two directions of a pseudo-terminal are separate queues, so that a client opens
 * PATH (a symbolic link to the slave side), writes a line and reads the answer:
 *
 *	exec 3<>/run/revd/revd.tty; echo hola >&3; read -r answer <&3
 *
 * Build it with nothing but revd's installed headers and base, and name the directory
 * in `plugin_dir`:
 *
 *	cc -D_GNU_SOURCE -shared -fPIC -O2 -o pty.so pty.c \
 *		$(pkg-config --cflags --libs revd-backend)
 *
 *	[endpoint.tty]
 *	transport = pty
 *	path = /run/revd/revd.tty
 *
 * All clients share the line: it is one peer, which another one replaces when it ends.
 * The slave is held open here, since reading from a master whose last slave has closed
 * fails with EIO for as long as nobody opens it again.
 */
#include <fcntl.h>
#include <limits.h>
#include <revd/base/shared.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>

struct config {
	const char *path;
};

struct endpoint {
	bool live; /* the descriptors below are ours */
	int master, slave;
	char *path; /* of the link; NULL: not made */
	char target[64];
};

struct instance {
	struct rv_shared shared;
	struct endpoint *ep;
};

/* The endpoint: the terminal and the link to it. */

static void address(const void *config, char *buf, size_t size)
{
	const struct config *c = config;

	snprintf(buf, size, "pty:%s", c->path);
}

/* Another endpoint may have the address then. */
static void release_name(struct endpoint *ep)
{
	char target[sizeof(ep->target)];
	ssize_t n;

	if (!ep->path) {
		return;
	}
	n = readlink(ep->path, target, sizeof(target));
	if (n > 0 && (size_t)n == strlen(ep->target) &&
		memcmp(target, ep->target, (size_t)n) == 0) {
		unlink(ep->path); /* it is still ours */
	}
	free(ep->path);
	ep->path = NULL;
}

static void close_endpoint(void *block)
{
	struct endpoint *ep = block;

	if (!ep->live) {
		return;
	}
	release_name(ep);
	fd_close_p(&ep->master);
	fd_close_p(&ep->slave);
	*ep = (struct endpoint){0};
}

/* Bytes through, as they are: no echo, no signals, no CR for LF. */
static int make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0) {
		return -1;
	}
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t);
}

static int apply(struct endpoint *ep, const struct rv_endpoint_info *info)
{
	if ((info->owner != (uid_t)-1 || info->group != (gid_t)-1) &&
		fchown(ep->slave, info->owner, info->group) < 0) {
		return -1;
	}
	return fchmod(ep->slave, info->mode);
}

static int open_terminal(struct endpoint *ep)
{
	ep->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (ep->master < 0 || grantpt(ep->master) < 0 || unlockpt(ep->master) < 0 ||
		ptsname_r(ep->master, ep->target, sizeof(ep->target)) != 0) {
		return -1;
	}
	ep->slave = open(ep->target, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return ep->slave < 0 ? -1 : make_raw(ep->slave);
}

/* A link to a terminal that is no more is what a killed revd leaves. To be asked
 * before there is a new terminal, which may get the number of the old one. */
static void remove_leftover(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid == geteuid() &&
		stat(path, &st) < 0 && errno == ENOENT) {
		unlink(path);
	}
}

static int open_endpoint(void *block, const struct rv_endpoint_info *info, const void *config,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	const struct config *c = config;
	struct endpoint *ep = block;
	int r = 0;

	(void)fds; /* without RV_CAP_ADOPT_FD there are none */
	(void)n_fds;
	*ep = (struct endpoint){.live = true, .master = -1, .slave = -1};
	remove_leftover(c->path);
	if (open_terminal(ep) < 0 || apply(ep, info) < 0) {
		r = rv_fail_errno(e, "%s: cannot make a terminal", c->path);
	} else if (symlink(ep->target, c->path) < 0) {
		r = rv_fail_errno(e, "%s: cannot link the terminal there", c->path);
	} else {
		ep->path = strdup(c->path);
		if (!ep->path) {
			r = rv_fail_errno(e, "%s: no memory", c->path);
			unlink(c->path);
		}
	}
	if (r < 0) {
		close_endpoint(ep);
	}
	return r;
}

static int reconfigure(
	void *block, const struct rv_endpoint_info *info, const void *config, struct rv_err *e)
{
	struct endpoint *ep = block;

	(void)config; /* no key of ours is live */
	return apply(ep, info) < 0 ? rv_fail_errno(e, "%s: cannot set mode or owner", ep->target)
				   : 0;
}

/* The instance. */

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	static const struct rv_shared_ops ops = {.send = rv_shared_write};
	struct endpoint *ep = endpoint;
	struct instance *in = block;

	in->ep = ep;
	in->shared = (struct rv_shared){
		.ops = &ops, .name = ep->target, .input_fd = ep->master, .line_fd = ep->master};
	return rv_shared_attach(&in->shared, host, handle, e);
}

static void drain(void *block)
{
	struct instance *in = block;

	release_name(in->ep);
	rv_shared_drain_bytes(&in->shared);
}

static const struct rv_option options[] = {
	{.key = "path",
		.def = "/run/revd/revd.tty",
		.help = "a symbolic link to the terminal",
		.type = RV_PATH,
		.offset = offsetof(struct config, path)},
	{0},
};

__attribute__((visibility("default"))) extern const struct rv_backend_ops revd_backend;

const struct rv_backend_ops revd_backend = {
	REVD_BACKEND_HEAD,
	.name = "pty",
	.version = "1",
	.default_mode = 0660,
	.config_size = sizeof(struct config),
	.endpoint_size = sizeof(struct endpoint),
	.instance_size = sizeof(struct instance),
	.peer_size = sizeof(struct rv_shared_peer),
	.options = options,
	.address = address,
	.open = open_endpoint,
	.reconfigure = reconfigure,
	.close = close_endpoint,
	.attach = attach,
	.drain = drain,
	.detach = rv_shared_detach,
	RV_SHARED_OPS,
};
