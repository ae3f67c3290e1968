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
 * Build it with nothing but revd's installed headers and libevent, and name the
 * directory in `plugin_dir`:
 *
 *	cc -D_GNU_SOURCE -shared -fPIC -O2 -o pty.so pty.c \
 *		$(pkg-config --cflags --libs libevent_core)
 *
 *	[endpoint.tty]
 *	transport = pty
 *	path = /run/revd/revd.tty
 *
 * All clients share the line, as they share a FIFO: it is one peer, which is
 * never closed. The slave is held open here, since reading from a master whose
 * last slave has closed fails with EIO for as long as nobody opens it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <termios.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <revd/backend.h>

#define CHUNK 16384 /* bytes read at once, and room for replies unless one needs more */

struct config {
	const char *path;
};

struct endpoint {
	bool live; /* the descriptors below are ours */
	int master, slave;
	char *path; /* of the link; NULL: not made */
	char target[64];
};

struct peer {
	char unused; /* there is one, and the instance has all of it */
};

struct instance {
	struct endpoint *ep;
	const struct rv_host *host;
	struct rv_instance *handle;
	struct peer *peer;
	struct event readable, writable;
	uint8_t *out; /* size bytes: head..used is to be sent */
	size_t size, head, used;
	bool attached, blocked, draining, drained;
	size_t left; /* while draining: bytes that had arrived and are not read */
	uint8_t in[CHUNK];
};

static int fail(struct rv_err *e, const char *what, const char *name)
{
	int err = errno;

	snprintf(e->msg, sizeof(e->msg), "%s: %s: %s", name, what, strerror(err));
	return -err;
}

/* The endpoint: the terminal and the link to it. */

static int check(const void *config, struct rv_err *e)
{
	const struct config *c = config;

	if (strlen(c->path) >= PATH_MAX) {
		snprintf(e->msg, sizeof(e->msg), "path is too long");
		return -ENAMETOOLONG;
	}
	return 0;
}

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
	if (ep->master >= 0) {
		close(ep->master);
	}
	if (ep->slave >= 0) {
		close(ep->slave);
	}
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
		r = fail(e, "cannot make a terminal", c->path);
	} else if (symlink(ep->target, c->path) < 0) {
		r = fail(e, "cannot link the terminal there", c->path);
	} else {
		ep->path = strdup(c->path);
		if (!ep->path) {
			r = fail(e, "no memory", c->path);
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
	return apply(ep, info) < 0 ? fail(e, "cannot set mode or owner", ep->target) : 0;
}

/* The instance: input, output. */

static void check_drained(struct instance *in)
{
	if (in->draining && !in->drained && in->left == 0 && in->head == in->used) {
		in->drained = true;
		in->host->drained(in->handle);
	}
}

static void give_up(struct instance *in, const char *what)
{
	int err = errno;

	in->host->log(in->handle, LOG_ERR, "%s: %s: %s", in->ep->target, what, strerror(err));
	in->host->dropped(in->handle, RV_DROP_IO, 1);
	event_del(&in->readable);
	event_del(&in->writable);
	in->host->failed(in->handle, -err);
}

static void on_readable(int fd, short what, void *arg)
{
	struct instance *in = arg;
	size_t size = in->draining && in->left < CHUNK ? in->left : CHUNK;
	ssize_t n = read(fd, in->in, size);

	(void)what;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		give_up(in, "cannot read");
	}
	if (n <= 0) {
		return;
	}
	if (in->host->bytes(in->handle, in->peer, in->in, (size_t)n, n < CHUNK) == RV_READ_STOP) {
		event_del(&in->readable);
	}
	if (in->draining) {
		in->left -= (size_t)n;
		if (in->left == 0) {
			event_del(&in->readable);
		}
		check_drained(in);
	}
}

/* Sends what there is. True if some of it went out. */
static bool send_some(struct instance *in)
{
	ssize_t n = write(in->ep->master, in->out + in->head, in->used - in->head);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		give_up(in, "cannot write");
		in->head = in->used;
		return false;
	}
	in->head += n > 0 ? (size_t)n : 0;
	return n > 0;
}

static void on_writable(int fd, short what, void *arg)
{
	struct instance *in = arg;
	bool moved = send_some(in);

	(void)fd;
	(void)what;
	if (in->head < in->used) {
		if (moved) {
			in->host->blocked(in->handle, in->peer);
		}
		return;
	}
	in->head = in->used = 0;
	in->blocked = false;
	event_del(&in->writable);
	in->host->writable(in->handle, in->peer);
	check_drained(in);
}

static int reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct instance *in = block;
	size_t size = in->used + (min > CHUNK ? min : CHUNK);
	uint8_t *out;

	(void)peer;
	if (in->blocked) {
		return -EAGAIN;
	}
	if (in->size - in->used < min || !in->out) {
		out = realloc(in->out, size);
		if (!out) {
			return -ENOMEM;
		}
		in->out = out;
		in->size = size;
	}
	*ret = (struct rv_room){.data = in->out + in->used, .size = in->size - in->used};
	return 0;
}

static void commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct instance *in = block;

	(void)peer;
	(void)tag; /* a terminal has no priorities */
	in->used += used == RV_COMMIT_NONE ? 0 : used;
}

static void flush(void *block, void *peer)
{
	struct instance *in = block;

	(void)peer;
	if (in->blocked || in->used == 0) {
		return;
	}
	send_some(in);
	if (in->head < in->used && event_add(&in->writable, NULL) == 0) {
		in->blocked = true;
		in->host->blocked(in->handle, in->peer);
		return;
	}
	in->head = in->used = 0;
}

static void resume(void *block, void *peer)
{
	struct instance *in = block;

	(void)peer;
	if ((!in->draining || in->left > 0) && event_add(&in->readable, NULL) < 0) {
		in->host->failed(in->handle, -ENOMEM);
	}
}

static int new_peer(struct instance *in)
{
	const struct rv_peer_info info = {
		.flags = RV_PEER_STREAM | RV_PEER_SHARED, .uid = (uid_t)-1, .gid = (gid_t)-1};
	void *block;
	int r = in->host->peer_new(in->handle, &info, &block);

	if (r == 0) {
		in->peer = block;
	}
	return r;
}

/* The line outlives its clients: what is unsent goes, and another peer begins. */
static void peer_close(void *block, void *peer, enum rv_close how)
{
	struct instance *in = block;

	(void)peer;
	(void)how; /* unsent means that nobody reads */
	event_del(&in->writable);
	in->head = in->used = 0;
	in->blocked = false;
	in->host->peer_gone(in->handle, in->peer);
	in->peer = NULL;
	if (new_peer(in) < 0) {
		in->host->failed(in->handle, -ENOMEM);
		return;
	}
	resume(in, in->peer);
}

static void detach(void *block)
{
	struct instance *in = block;

	if (!in->attached) {
		return;
	}
	event_del(&in->readable);
	event_del(&in->writable);
	if (in->peer) {
		in->host->peer_gone(in->handle, in->peer);
	}
	free(in->out);
	*in = (struct instance){0};
}

static int attach(void *block, void *ep, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	struct instance *in = block;
	struct event_base *base = host->event_base(handle);

	*in = (struct instance){.ep = ep, .host = host, .handle = handle, .attached = true};
	event_assign(&in->readable, base, in->ep->master, EV_READ | EV_PERSIST, on_readable, in);
	event_assign(&in->writable, base, in->ep->master, EV_WRITE | EV_PERSIST, on_writable, in);
	if (new_peer(in) < 0 || event_add(&in->readable, NULL) < 0) {
		detach(in);
		snprintf(e->msg, sizeof(e->msg), "no memory");
		return -ENOMEM;
	}
	return 0;
}

static void drain(void *block)
{
	struct instance *in = block;
	int n = 0;

	in->draining = true;
	release_name(in->ep);
	in->left = ioctl(in->ep->master, FIONREAD, &n) < 0 ? 0 : (size_t)n;
	if (in->left == 0) {
		event_del(&in->readable);
	}
	check_drained(in);
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
	.magic = REVD_BACKEND_MAGIC,
	.abi = REVD_BACKEND_ABI,
	.size = sizeof(struct rv_backend_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "pty",
	.version = "1",
	.default_mode = 0660,
	.config_size = sizeof(struct config),
	.endpoint_size = sizeof(struct endpoint),
	.instance_size = sizeof(struct instance),
	.peer_size = sizeof(struct peer),
	.options = options,
	.check = check,
	.address = address,
	.open = open_endpoint,
	.reconfigure = reconfigure,
	.close = close_endpoint,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = resume,
	.peer_close = peer_close,
	.reserve = reserve,
	.commit = commit,
	.flush = flush,
};
