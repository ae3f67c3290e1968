#include <revd/base/handover.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16: refuse descriptors that clients pass */
#endif

static bool is_abstract(const struct rv_listener_config *c)
{
	return c->path[0] == '@';
}

/* SOCK_STREAM or SOCK_SEQPACKET. */
static int socket_type(const struct rv_listener_config *c)
{
	return c->type == RV_LISTENER_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
}

int rv_listener_check(const void *cfg, struct rv_err *e)
{
	const struct rv_listener_config *c = cfg;
	size_t n = strlen(c->path), max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	e->key = "path";
	if (n == 0 || (n == 1 && is_abstract(c))) {
		return rv_fail(e, -EINVAL, "is missing");
	}
	if (c->path[0] != '/' && !is_abstract(c)) {
		return rv_fail(e, -EINVAL, "must be absolute, or @NAME: '%s'", c->path);
	}
	if (n > max) {
		return rv_fail(
			e, -ENAMETOOLONG, "has %zu bytes, a socket's has at most %zu", n, max);
	}
	return 0;
}

bool rv_listener_name_at(const void *cfg, size_t i, char *buf, size_t size)
{
	const struct rv_listener_config *c = cfg;

	snprintf(buf, size, "%s%s", c->path, i ? ".lock" : "");
	return i < (is_abstract(c) ? 1 : 2);
}

static socklen_t make_address(const struct rv_listener_config *c, struct sockaddr_un *ret)
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
static int probe(const struct rv_listener_config *c)
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
static int remove_stale(const struct rv_listener_config *c, struct rv_err *e)
{
	struct stat st;

	if (lstat(c->path, &st) < 0) {
		return errno == ENOENT ? 0 : rv_fail_errno(e, "%s", c->path);
	}
	if (!S_ISSOCK(st.st_mode)) {
		return rv_fail(e, -EEXIST, "%s: exists and is not a socket", c->path);
	}
	if (probe(c) != -ECONNREFUSED) {
		return rv_fail(e, -EADDRINUSE, "%s: another program serves there", c->path);
	}
	if (unlink(c->path) < 0 && errno != ENOENT) {
		return rv_fail_errno(e, "%s", c->path);
	}
	return 0;
}

static int apply_mode(
	const struct rv_listener *l, const struct rv_endpoint_info *info, struct rv_err *e)
{
	CLEANUP_FD int fd = open(l->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		return rv_fail_errno(e, "%s", l->path);
	}
	if (!rv_names_id_same(rv_names_id_fd(fd), l->id)) {
		return rv_fail(e, -ESTALE, "%s: the name is another's now", l->path);
	}
	return rv_names_apply(fd, l->path, info->mode, info, e);
}

static int bind_path(
	struct rv_listener *l, int fd, const struct rv_endpoint_info *info, struct rv_err *e)
{
	const struct rv_listener_config *c = l->cfg;
	struct sockaddr_un sa;
	socklen_t n = make_address(c, &sa);

	/* the mode that bind() starts from: nobody gets in before it is right */
	if (fchmod(fd, info->mode & 0700) < 0 || bind(fd, (struct sockaddr *)&sa, n) < 0) {
		return rv_fail_errno(e, "bind %s", c->path);
	}
	l->id = rv_names_id_path(c->path);
	return apply_mode(l, info, e);
}

static int open_path(
	struct rv_listener *l, int fd, const struct rv_endpoint_info *info, struct rv_err *e)
{
	int r;

	l->path = strdup(l->cfg->path);
	if (!l->path) {
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	r = rv_names_lock(l->path, &l->lock, e);
	if (r == 0) {
		r = remove_stale(l->cfg, e);
	}
	return r < 0 ? r : bind_path(l, fd, info, e);
}

static int open_abstract(struct rv_listener *l, int fd, struct rv_err *e)
{
	struct sockaddr_un sa;
	socklen_t n = make_address(l->cfg, &sa);

	if (bind(fd, (struct sockaddr *)&sa, n) < 0) {
		return rv_fail_errno(e, "bind %s", l->cfg->path);
	}
	return 0;
}

static int get_option(int fd, int option)
{
	int v = -1;
	socklen_t n = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, option, &v, &n) < 0 ? -1 : v;
}

static int adopt(struct rv_listener *l, const int *fds, size_t n, struct rv_err *e)
{
	if (n != 1) {
		return rv_fail(e, -EINVAL, "%zu descriptors were inherited, one is wanted", n);
	}
	if (get_option(fds[0], SO_DOMAIN) != AF_UNIX) {
		return rv_fail(
			e, -EINVAL, "the inherited descriptor %d is not a Unix socket", fds[0]);
	}
	if (get_option(fds[0], SO_TYPE) != socket_type(l->cfg)) {
		return rv_fail(e, -EINVAL, "the inherited descriptor %d is not a %s socket", fds[0],
			l->cfg->type == RV_LISTENER_STREAM ? "stream" : "seqpacket");
	}
	if (get_option(fds[0], SO_ACCEPTCONN) != 1) {
		return rv_fail(e, -EINVAL, "the inherited descriptor %d does not listen", fds[0]);
	}
	if (fcntl(fds[0], F_SETFL, fcntl(fds[0], F_GETFL) | O_NONBLOCK) < 0 ||
		fcntl(fds[0], F_SETFD, FD_CLOEXEC) < 0) {
		return rv_fail_errno(e, "the inherited descriptor %d", fds[0]);
	}
	l->adopted = true;
	l->fd = fds[0];
	return 0;
}

static int open_own(struct rv_listener *l, const struct rv_endpoint_info *info, struct rv_err *e)
{
	CLEANUP_FD int fd = socket(AF_UNIX, socket_type(l->cfg) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0) {
		return rv_fail_errno(e, "socket");
	}
	r = is_abstract(l->cfg) ? open_abstract(l, fd, e) : open_path(l, fd, info, e);
	if (r < 0) {
		return r;
	}
	if (listen(fd, (int)l->cfg->backlog) < 0) {
		return rv_fail_errno(e, "listen %s", l->cfg->path);
	}
	l->fd = TAKE_FD(fd);
	return 0;
}

int rv_listener_open(void *listener, const struct rv_endpoint_info *info, const void *cfg,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	struct rv_listener *l = listener;
	const int zero = 0;
	int r;

	l->cfg = cfg;
	l->fd = -1;
	l->lock.fd = -1;
	l->is_open = true;
	r = n_fds > 0 ? adopt(l, fds, n_fds, e) : open_own(l, info, e);
	if (r < 0) {
		rv_listener_close(l);
		return r;
	}
	/* not known to older kernels; there read() drops what is passed */
	(void)setsockopt(l->fd, SOL_SOCKET, SO_PASSRIGHTS, &zero, sizeof(zero));
	return 0;
}

/* Is the name not ours any more? A socket that nobody listens on makes way for a new one. */
static int check_lost(const struct rv_listener *l, struct rv_err *e)
{
	int r = rv_names_lost(l->path, l->id, e);

	if (r == -EEXIST) {
		r = remove_stale(l->cfg, e);
		r = r < 0 ? r : rv_fail(e, -ESTALE, "%s: the name was another's", l->path);
	}
	return r;
}

int rv_listener_reconfigure(
	void *listener, const struct rv_endpoint_info *info, const void *cfg, struct rv_err *e)
{
	const struct rv_listener_config *c = cfg;
	struct rv_listener *l = listener;
	int r;

	if (c->type != l->cfg->type || strcmp(c->path, l->cfg->path) != 0) {
		return -EBUSY;
	}
	if (l->path) {
		r = check_lost(l, e);
		if (r == 0) {
			r = apply_mode(l, info, e);
		}
		if (r < 0) {
			return r;
		}
	}
	if (!l->adopted && c->backlog != l->cfg->backlog && listen(l->fd, (int)c->backlog) < 0) {
		return rv_fail_errno(e, "listen %s", c->path);
	}
	__atomic_store_n(&l->cfg, c, __ATOMIC_RELEASE);
	return 0;
}

static void release_name(struct rv_listener *l)
{
	if (l->path) {
		(void)rv_names_unlink(l->path, &l->id);
		rv_names_unlock(&l->lock);
	}
}

int rv_listener_use(struct rv_listener *l)
{
	l->users++;
	return l->fd;
}

void rv_listener_stop(struct rv_listener *l)
{
	release_name(l);
	if (l->users > 0 && --l->users > 0) {
		return; /* other workers still take what is in the backlog */
	}
	if (!l->adopted) {
		fd_close_p(&l->fd);
	}
}

void rv_listener_close(void *listener)
{
	struct rv_listener *l = listener;

	if (!l->is_open) {
		return;
	}
	release_name(l);
	free(l->path);
	l->path = NULL;
	fd_close_p(&l->fd);
	l->is_open = false;
}

/* The next process. */

void rv_listener_hand_over(void *listener, struct rv_handover *h)
{
	const struct rv_listener *l = listener;

	rv_pack_u64(&h->data, l->adopted);
	if (!l->adopted) {
		rv_handover_fd(h, l->fd);
		rv_names_hand_over(h, l->path, l->id);
		rv_names_lock_hand_over(h, &l->lock);
	}
}

static int take(struct rv_listener *l, struct rv_takeover *t)
{
	int r;

	l->fd = rv_takeover_fd(t);
	if (l->fd < 0) {
		return -EBADMSG;
	}
	r = rv_names_take_over(t, &l->path, &l->id);
	return r < 0 ? r : rv_names_lock_take_over(t, &l->lock);
}

/* Is it what is wanted now? */
static int check_taken(struct rv_listener *l, const struct rv_endpoint_info *info, struct rv_err *e)
{
	const struct rv_listener_config *c = l->cfg;

	if (get_option(l->fd, SO_TYPE) != socket_type(c) || get_option(l->fd, SO_ACCEPTCONN) != 1 ||
		(l->path ? strcmp(l->path, c->path) != 0 : !is_abstract(c))) {
		return rv_fail(e, -EBUSY, "%s: it is another kind of socket now", c->path);
	}
	if (l->path && rv_names_lost(l->path, l->id, e) < 0) {
		return -ESTALE;
	}
	if (listen(l->fd, (int)c->backlog) < 0) {
		return rv_fail_errno(e, "listen %s", c->path);
	}
	return l->path ? apply_mode(l, info, e) : 0;
}

int rv_listener_take_over(void *listener, const struct rv_endpoint_info *info, const void *cfg,
	const int *fds, size_t n_fds, struct rv_takeover *t, struct rv_err *e)
{
	struct rv_listener *l = listener;
	bool adopted = rv_unpack_u64(&t->data) != 0;
	int r = 0;

	*l = (struct rv_listener){.cfg = cfg, .fd = -1, .lock = {.fd = -1}, .is_open = true};
	if (!adopted) {
		r = take(l, t);
		r = r < 0 ? rv_fail(e, r, "what the process before has left makes no sense") : 0;
	}
	if (adopted || n_fds > 0 || !cfg) { /* it is passed on by another one, or not served */
		rv_listener_close(l);
		return cfg ? rv_listener_open(l, info, cfg, fds, n_fds, e) : 0;
	}
	r = r < 0 ? r : check_taken(l, info, e);
	if (r < 0) {
		rv_listener_close(l);
	}
	return r;
}

/* Who may connect. */

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

static bool is_allowed(const struct rv_listener_config *c, int fd, uid_t uid, gid_t gid)
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

void rv_listener_identify(const struct rv_listener *l, int fd, struct rv_peer_info *info)
{
	const struct rv_listener_config *cfg = __atomic_load_n(&l->cfg, __ATOMIC_ACQUIRE);
	struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t n = sizeof(cred);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
	info->uid = cred.uid;
	info->gid = cred.gid;
	info->denied = !is_allowed(cfg, fd, cred.uid, cred.gid);
}
