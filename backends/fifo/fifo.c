/*
 * Transport "fifo": one request FIFO for all writers, PATH; one FIFO for the
 * replies to lines, PATH.out; and a directory, PATH.d or behind a link of that name, in
 * which each client of frames makes the FIFO for its own replies.
 *
 * The request FIFO and PATH.out are held open for reading and writing, so that
 * neither ever sees the end of its input when the last client leaves (an
 * O_RDONLY end would be readable for ever from then on). Reply FIFOs are
 * opened for writing only: so the kernel tells when the reader has left.
 */
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <syslog.h>
#include "fifo/reply.h"

static const struct rv_option options[] = {
	{.key = "path",
		.def = "/run/revd/revd.fifo",
		.help = "the request FIFO; replies to lines go to PATH.out",
		.type = RV_PATH,
		.offset = offsetof(struct fifo_config, path)},
	{.key = "reply_dir",
		.def = "",
		.help = "where clients make their reply FIFOs; default PATH.d",
		.type = RV_PATH,
		.offset = offsetof(struct fifo_config, reply_dir)},
	{0},
};

/* It is the administrator's to make: only who knows what else is there can say who may
 * use it. What can't be looked at is judged when it is opened. */
static int check_reply_dir(const char *path, struct rv_err *e)
{
	struct stat st;

	e->key = "reply_dir";
	if (!*path) {
		return 0;
	}
	if (strlen(path) >= PATH_MAX) {
		return rv_fail(e, -ENAMETOOLONG, "is too long, %d bytes at most", PATH_MAX - 1);
	}
	if (stat(path, &st) < 0 && errno == ENOENT) {
		return rv_fail(e, -ENOENT,
			"there is no directory %.160s; make it, with mode 1733, or leave the key "
			"out",
			path);
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		return rv_fail(e, -ENOTDIR, "%.200s is not a directory", path);
	}
	return 0;
}

static int check(const void *config, struct rv_err *e)
{
	const struct fifo_config *c = config;
	size_t n = strlen(c->path);

	e->key = "path";
	if (n == 0) {
		return rv_fail(e, -EINVAL, "is missing");
	}
	if (n + sizeof(".lock") > PATH_MAX) {
		return rv_fail(e, -ENAMETOOLONG, "has %zu bytes, a FIFO's has at most %zu", n,
			PATH_MAX - sizeof(".lock"));
	}
	if (c->path[n - 1] == '/') {
		return rv_fail(e, -EINVAL, "ends in a slash, a FIFO is meant");
	}
	if (strcmp(c->path, c->reply_dir) == 0) {
		return rv_fail(e, -EINVAL, "is the same as reply_dir");
	}
	return check_reply_dir(c->reply_dir, e);
}

static void address(const void *config, char *buf, size_t size)
{
	const struct fifo_config *c = config;

	snprintf(buf, size, "fifo:%s", c->path);
}

static bool name_at(const void *config, size_t i, char *buf, size_t size)
{
	static const char *const ends[] = {"", ".out", ".lock", ".d"};
	const struct fifo_config *c = config;

	if (i >= sizeof(ends) / sizeof(*ends)) {
		return false;
	}
	snprintf(buf, size, "%s%s", c->path, ends[i]);
	return true;
}

/* The name was unlinked, moved or replaced. The FIFO that we hold serves on,
 * but nobody new finds it, and only the admin can know what was meant. */
static void on_watch(int fd, short what, void *arg)
{
	struct fifo_instance *in = arg;
	char buf[sizeof(struct inotify_event) * 16];

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0) {
	}
	if (in->shared.draining || rv_names_id_same(in->ep->id, rv_names_id_path(in->ep->path))) {
		return; /* a mode or an owner changed, or we removed it ourselves */
	}
	in->shared.out.host->log(in->shared.out.handle, LOG_WARNING,
		"%s: the name was removed or replaced; who has it open is still served, others "
		"need a reload",
		in->ep->path);
	event_del(&in->watch_event);
}

/* Best effort: without inotify nothing is lost but a message. */
static void watch_name(struct fifo_instance *in)
{
	in->watch_fd = -1;
	if (!in->ep->id.ino) {
		return;
	}
	in->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (in->watch_fd < 0 || inotify_add_watch(in->watch_fd, in->ep->path,
					IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF) < 0) {
		fd_close_p(&in->watch_fd);
		return;
	}
	event_assign(&in->watch_event, in->shared.out.host->event_base(in->shared.out.handle),
		in->watch_fd, EV_READ | EV_PERSIST, on_watch, in);
	if (event_add(&in->watch_event, NULL) < 0) {
		fd_close_p(&in->watch_fd);
	}
}

static void detach(void *block)
{
	struct fifo_instance *in = block;

	if (in->shared.attached && in->watch_fd >= 0) {
		event_del(&in->watch_event);
		fd_close_p(&in->watch_fd);
	}
	rv_shared_detach(&in->shared);
}

static int attach(void *block, void *endpoint, const struct rv_host *host,
	struct rv_instance *handle, struct rv_err *e)
{
	struct fifo_instance *in = block;
	struct fifo_endpoint *ep = endpoint;
	int r;

	in->ep = ep;
	in->shared = (struct rv_shared){.ops = &fifo_shared_ops,
		.name = ep->path,
		.input_fd = ep->fd,
		.line_fd = ep->out_fd,
		.max_peers = &ep->max_peers};
	r = rv_shared_attach(&in->shared, host, handle, e);
	if (r == 0) {
		watch_name(in);
		fifo_sweep(in);
	}
	return r;
}

static void drain(void *block)
{
	struct fifo_instance *in = block;

	fifo_release_names(in->ep); /* another endpoint may want them now */
	if (in->ep->adopted) {
		rv_shared_drain(&in->shared, 0); /* whoever gave it to us keeps it open */
	} else {
		rv_shared_drain_bytes(&in->shared);
	}
}

const struct rv_backend_ops fifo_backend = {
	REVD_BACKEND_HEAD,
	.name = "fifo",
	.version = REVD_VERSION,
	.caps = RV_CAP_ADOPT_FD | RV_CAP_REPLY_TO | RV_CAP_KEEP,
	.default_mode = 0620,
	.config_size = sizeof(struct fifo_config),
	.endpoint_size = sizeof(struct fifo_endpoint),
	.instance_size = sizeof(struct fifo_instance),
	.peer_size = sizeof(struct rv_shared_peer),
	.options = options,
	.check = check,
	.address = address,
	.name_at = name_at,
	.open = fifo_open,
	.reconfigure = fifo_reconfigure,
	.close = fifo_close,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	RV_SHARED_REPLY_OPS,
	.handover_version = 1,
	.hand_over = fifo_hand_over,
	.take_over = fifo_take_over,
	.hand_over_peer = rv_shared_hand_over_peer,
	.take_over_peer = rv_shared_take_over_peer,
};
