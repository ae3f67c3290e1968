/* The listening socket: names, modes, who may connect. Main thread. */
#include "uds/uds.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16: refuse descriptors that clients pass */
#endif

static bool is_abstract(const struct uds_config *c)
{
	return c->path[0] == '@';
}

static int socket_type(const struct uds_config *c)
{
	return c->type == UDS_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
}

int uds_check(const void *cfg, struct rv_err *e)
{
	const struct uds_config *c = cfg;
	size_t n = strlen(c->path), max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (n == 0 || (n == 1 && is_abstract(c))) {
		return rv_fail(e, -EINVAL, "path is missing");
	}
	if (c->path[0] != '/' && !is_abstract(c)) {
		return rv_fail(e, -EINVAL, "path must be absolute, or @NAME: '%s'", c->path);
	}
	if (n > max) {
		return rv_fail(
			e, -ENAMETOOLONG, "path has %zu bytes, a socket's has at most %zu", n, max);
	}
	return 0;
}

void uds_address(const void *cfg, char *buf, size_t size)
{
	const struct uds_config *c = cfg;

	snprintf(buf, size, "uds:%s", c->path);
}

static socklen_t make_address(const struct uds_config *c, struct sockaddr_un *ret)
{
	size_t n = strlen(c->path);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, c->path, n);
	if (is_abstract(c)) {
		ret->sun_path[0] = '\0';
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

/* Does anybody listen behind this name? -ECONNREFUSED: no, it is stale. */
static int probe(const struct uds_config *c)
{
	CLEANUP_FD int fd = socket(AF_UNIX, socket_type(c) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	socklen_t n = make_address(c, &sa);

	if (fd < 0) {
		return -errno;
	}
	return connect(fd, (struct sockaddr *)&sa, n) == 0 ? 0 : -errno;
}

/* Makes way for bind(): only a socket that nobody listens on is removed. */
static int remove_stale(const struct uds_config *c, struct rv_err *e)
{
	struct stat st;

	if (lstat(c->path, &st) < 0) {
		return errno == ENOENT ? 0 : rv_fail(e, -errno, "%s: %s", c->path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode)) {
		return rv_fail(e, -EEXIST, "%s: exists and is not a socket", c->path);
	}
	if (probe(c) != -ECONNREFUSED) {
		return rv_fail(e, -EADDRINUSE, "%s: another program serves there", c->path);
	}
	if (unlink(c->path) < 0 && errno != ENOENT) {
		return rv_fail(e, -errno, "%s: %s", c->path, strerror(errno));
	}
	return 0;
}

static int apply_mode(
	const struct uds_endpoint *ep, const struct rv_endpoint_info *info, struct rv_err *e)
{
	CLEANUP_FD int fd = open(ep->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		return rv_fail(e, -errno, "%s: %s", ep->path, strerror(errno));
	}
	if (!names_id_same(names_id_fd(fd), ep->id)) {
		return rv_fail(e, -ESTALE, "%s: is not the socket that we made any more", ep->path);
	}
	return names_apply(fd, ep->path, info->mode, info, e);
}

static int bind_path(struct uds_endpoint *ep, int fd, struct rv_err *e)
{
	const struct uds_config *c = ep->cfg;
	struct sockaddr_un sa;
	socklen_t n = make_address(c, &sa);

	/* the mode that bind() starts from: nobody gets in before it is right */
	if (fchmod(fd, ep->info->mode & 0700) < 0 || bind(fd, (struct sockaddr *)&sa, n) < 0) {
		return rv_fail(e, -errno, "bind %s: %s", c->path, strerror(errno));
	}
	ep->id = names_id_path(c->path);
	return apply_mode(ep, ep->info, e);
}

static int open_path(struct uds_endpoint *ep, int fd, struct rv_err *e)
{
	int r;

	ep->path = strdup(ep->cfg->path);
	if (!ep->path) {
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	r = names_lock(ep->path, &ep->lock, e);
	if (r == 0) {
		r = remove_stale(ep->cfg, e);
	}
	return r < 0 ? r : bind_path(ep, fd, e);
}

static int open_abstract(struct uds_endpoint *ep, int fd, struct rv_err *e)
{
	struct sockaddr_un sa;
	socklen_t n = make_address(ep->cfg, &sa);

	if (bind(fd, (struct sockaddr *)&sa, n) < 0) {
		return rv_fail(e, -errno, "bind %s: %s", ep->cfg->path, strerror(errno));
	}
	return 0;
}

static int get_option(int fd, int option)
{
	int v = -1;
	socklen_t n = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, option, &v, &n) < 0 ? -1 : v;
}

static int adopt(struct uds_endpoint *ep, const int *fds, size_t n, struct rv_err *e)
{
	if (n != 1) {
		return rv_fail(e, -EINVAL, "%zu descriptors were inherited, one is wanted", n);
	}
	if (get_option(fds[0], SO_DOMAIN) != AF_UNIX) {
		return rv_fail(
			e, -EINVAL, "the inherited descriptor %d is not a Unix socket", fds[0]);
	}
	if (get_option(fds[0], SO_TYPE) != socket_type(ep->cfg)) {
		return rv_fail(e, -EINVAL, "the inherited descriptor %d is not a %s socket", fds[0],
			ep->cfg->type == UDS_STREAM ? "stream" : "seqpacket");
	}
	if (get_option(fds[0], SO_ACCEPTCONN) != 1) {
		return rv_fail(e, -EINVAL, "the inherited descriptor %d does not listen", fds[0]);
	}
	if (fcntl(fds[0], F_SETFL, fcntl(fds[0], F_GETFL) | O_NONBLOCK) < 0 ||
		fcntl(fds[0], F_SETFD, FD_CLOEXEC) < 0) {
		return rv_fail(
			e, -errno, "the inherited descriptor %d: %s", fds[0], strerror(errno));
	}
	ep->adopted = true;
	ep->fd = fds[0];
	return 0;
}

static int open_own(struct uds_endpoint *ep, struct rv_err *e)
{
	CLEANUP_FD int fd = socket(AF_UNIX, socket_type(ep->cfg) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0) {
		return rv_fail(e, -errno, "socket: %s", strerror(errno));
	}
	r = is_abstract(ep->cfg) ? open_abstract(ep, fd, e) : open_path(ep, fd, e);
	if (r < 0) {
		return r;
	}
	if (listen(fd, (int)ep->cfg->backlog) < 0) {
		return rv_fail(e, -errno, "listen %s: %s", ep->cfg->path, strerror(errno));
	}
	ep->fd = TAKE_FD(fd);
	return 0;
}

int uds_open(void *block, const struct rv_endpoint_info *info, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *e)
{
	struct uds_endpoint *ep = block;
	const int zero = 0;
	int r;

	ep->info = info;
	ep->cfg = cfg;
	ep->fd = -1;
	ep->lock.fd = -1;
	ep->is_open = true;
	r = n_fds > 0 ? adopt(ep, fds, n_fds, e) : open_own(ep, e);
	if (r < 0) {
		uds_close(ep);
		return r;
	}
	/* not known to older kernels; there read() drops what is passed */
	(void)setsockopt(ep->fd, SOL_SOCKET, SO_PASSRIGHTS, &zero, sizeof(zero));
	return 0;
}

int uds_reconfigure(
	void *block, const struct rv_endpoint_info *info, const void *cfg, struct rv_err *e)
{
	struct uds_endpoint *ep = block;
	const struct uds_config *c = cfg;
	int r;

	if (c->type != ep->cfg->type || strcmp(c->path, ep->cfg->path) != 0) {
		return -EBUSY;
	}
	if (ep->path) {
		r = apply_mode(ep, info, e);
		if (r < 0) {
			return r;
		}
	}
	if (!ep->adopted && c->backlog != ep->cfg->backlog && listen(ep->fd, (int)c->backlog) < 0) {
		return rv_fail(e, -errno, "listen %s: %s", c->path, strerror(errno));
	}
	ep->info = info;
	__atomic_store_n(&ep->cfg, c, __ATOMIC_RELEASE);
	return 0;
}

void uds_stop_listening(struct uds_endpoint *ep)
{
	if (ep->path) {
		(void)names_unlink(ep->path, &ep->id);
		names_unlock(&ep->lock);
	}
	if (ep->n_listening > 0 && --ep->n_listening > 0) {
		return; /* other workers still take what is in the backlog */
	}
	if (!ep->adopted) {
		fd_close_p(&ep->fd);
	}
}

void uds_close(void *block)
{
	struct uds_endpoint *ep = block;

	if (!ep->is_open) {
		return;
	}
	if (ep->path) {
		(void)names_unlink(ep->path, &ep->id);
		names_unlock(&ep->lock);
		free(ep->path);
		ep->path = NULL;
	}
	fd_close_p(&ep->fd);
	ep->is_open = false;
}

static bool has_id(const struct rv_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->n; i++) {
		if (ids->ids[i] == id) {
			return true;
		}
	}
	return false;
}

/* The supplementary groups that the client had when it connected. */
static bool has_group(const struct rv_ids *ids, int fd)
{
	gid_t groups[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];
	socklen_t n = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0) {
		return false;
	}
	for (size_t i = 0; i < n / sizeof(*groups); i++) {
		if (has_id(ids, groups[i])) {
			return true;
		}
	}
	return false;
}

bool uds_allowed(const struct uds_config *c, int fd, uid_t uid, gid_t gid)
{
	if (c->allow_users.n == 0 && c->allow_groups.n == 0) {
		return true;
	}
	if (has_id(&c->allow_users, uid)) {
		return true;
	}
	return c->allow_groups.n > 0 &&
	       (has_id(&c->allow_groups, gid) || has_group(&c->allow_groups, fd));
}
