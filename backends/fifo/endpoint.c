#include "fifo/endpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define DIRECTORY_MODE 01733 /* clients make FIFOs in there, and can't list it */
/* The pipes' sizes. What is in the one comes before everybody's next request; in the
 * other a reader of PATH.out may lag behind: as much as pipe(7) lets anybody have. */
#define REQUESTS_SIZE (256 << 10)
#define REPLIES_SIZE (1 << 20)

/* More room keeps writers from waiting for us; a refusal (the user's share of
 * pipe memory is used up) costs speed only. */
static void enlarge(int fd, int size)
{
	while (size > 64 << 10 && fcntl(fd, F_SETPIPE_SZ, size) < 0) {
		size /= 2;
	}
}

/* Each read of a FIFO by name would set its time of access, which is a tenth of
 * what the read costs. Refused if the file is not ours. */
static void leave_times(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0) {
		(void)fcntl(fd, F_SETFL, flags | O_NOATIME);
	}
}

int fifo_copy_paths(struct fifo_endpoint *ep, const struct fifo_config *cfg)
{
	ep->path = rv_names_join(cfg->path, "");
	ep->out_path = rv_names_join(cfg->path, ".out");
	ep->dir_path = rv_names_join(cfg->path, ".d");
	if (ep->dir_path && *cfg->reply_dir && strcmp(cfg->reply_dir, ep->dir_path) != 0) {
		ep->link_path = ep->dir_path;
		ep->dir_path = rv_names_join(cfg->reply_dir, "");
	}
	return ep->path && ep->out_path && ep->dir_path ? 0 : -ENOMEM;
}

/* A descriptor that reads and writes, whatever way fd was opened. -1: errno. */
static int open_both_ways(int fd)
{
	char proc[40];
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) == O_RDWR) {
		/* Not opened anew: its mode may let only the one who gave it in. */
		return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -1
								  : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	}
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return open(proc, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static int adopt_one(int fd, int *ret, struct rv_err *e)
{
	struct stat st;
	int mine;

	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		return rv_fail(e, -EINVAL, "the inherited descriptor %d is not a FIFO", fd);
	}
	mine = open_both_ways(fd);
	if (mine < 0) {
		return rv_fail_errno(e, "the inherited FIFO %d cannot be opened both ways", fd);
	}
	*ret = mine;
	return 0;
}

int fifo_adopt(struct fifo_endpoint *ep, const int *fds, size_t n, struct rv_err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct rv_names_id id = rv_names_id_fd(fds[i]);
		bool is_out = id.ino && rv_names_id_same(id, rv_names_id_path(ep->out_path));
		int *slot = is_out ? &ep->out_fd : &ep->fd;
		int r;

		if (*slot >= 0) {
			return rv_fail(e, -EINVAL,
				"%s: too many inherited descriptors, at most PATH and PATH.out",
				ep->path);
		}
		r = adopt_one(fds[i], slot, e);
		if (r < 0) {
			return r;
		}
	}
	ep->adopted = ep->fd >= 0;
	return 0;
}

static int make_fifo(struct fifo_endpoint *ep, const char *path, mode_t mode,
	const struct rv_endpoint_info *info, int *fd, struct rv_names_id *id, struct rv_err *e)
{
	int r;

	if (*fd >= 0) {
		return 0; /* inherited */
	}
	r = rv_names_fifo(path, mode, ep->lock.leftover, info, fd, e);
	if (r == 0) {
		*id = rv_names_id_fd(*fd);
	}
	return r;
}

/* Left by one that had its directory elsewhere, and was killed. */
static void remove_leftover_link(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid == geteuid()) {
		unlink(path);
	}
}

/* The usual name is ours also if another endpoint, which gave up the address,
 * had clients left in it; a directory that the admin named is the admin's. One
 * that we found beside an inherited FIFO stays with it: clients may come before
 * we are back. */
int fifo_make_directory(struct fifo_endpoint *ep, const struct rv_endpoint_info *info,
	const struct fifo_config *cfg, struct rv_err *e)
{
	bool made = false;
	int r;

	if (!*cfg->reply_dir) {
		remove_leftover_link(ep->dir_path);
	}
	r = rv_names_directory(ep->dir_path, DIRECTORY_MODE, info, &ep->dir_fd, &made, e);
	if (r == 0 && (made || (!ep->adopted && (ep->lock.leftover || !*cfg->reply_dir)))) {
		ep->dir_id = rv_names_id_fd(ep->dir_fd);
	}
	if (r == 0 && ep->link_path) {
		r = rv_names_link(ep->link_path, ep->dir_path, &ep->link_id, e);
	}
	return r;
}

/* The request FIFO comes last: who finds it finds the others too. */
static int make_names(struct fifo_endpoint *ep, const struct rv_endpoint_info *info,
	const struct fifo_config *cfg, const int *fds, size_t n_fds, struct rv_err *e)
{
	int r = rv_names_lock(ep->path, &ep->lock, e);

	if (r == 0) {
		r = fifo_adopt(ep, fds, n_fds, e);
	}
	if (r == 0) {
		r = fifo_make_directory(ep, info, cfg, e);
	}
	if (r == 0) {
		r = make_fifo(ep, ep->out_path, info->out_mode, info, &ep->out_fd, &ep->out_id, e);
	}
	if (r == 0) {
		r = make_fifo(ep, ep->path, info->mode, info, &ep->fd, &ep->id, e);
	}
	return r;
}

int fifo_open(void *block, const struct rv_endpoint_info *info, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *e)
{
	struct fifo_endpoint *ep = block;
	int r;

	*ep = (struct fifo_endpoint){
		.live = true, .fd = -1, .out_fd = -1, .dir_fd = -1, .max_peers = info->max_peers};
	r = fifo_copy_paths(ep, cfg);
	if (r < 0) {
		rv_fail(e, r, "no memory");
	} else {
		r = make_names(ep, info, cfg, fds, n_fds, e);
	}
	if (r < 0) {
		fifo_close(ep);
		return r;
	}
	enlarge(ep->fd, REQUESTS_SIZE);
	enlarge(ep->out_fd, REPLIES_SIZE);
	leave_times(ep->fd);
	for (size_t i = 0; i < n_fds; i++) {
		close(fds[i]); /* we have our own */
	}
	return 0;
}

/* Of all names. One that is another's or can't be made again counts more than one
 * that is gone. */
static int find_lost(const struct fifo_endpoint *ep, struct rv_err *e)
{
	const struct {
		const char *path;
		struct rv_names_id id;
	} names[] = {{ep->path, ep->id}, {ep->out_path, ep->out_id}, {ep->dir_path, ep->dir_id},
		{ep->link_path, ep->link_id}};
	int r = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && (r == 0 || r == -ESTALE); i++) {
		int k = rv_names_lost(names[i].path, names[i].id, e);

		r = k < 0 ? k : r;
	}
	return r;
}

int fifo_reconfigure(
	void *block, const struct rv_endpoint_info *info, const void *cfg, struct rv_err *e)
{
	struct fifo_endpoint *ep = block;
	int r = find_lost(ep, e);

	(void)cfg; /* no key of ours is live */
	if (r == 0 && ep->id.ino) {
		r = rv_names_apply(ep->fd, ep->path, info->mode, info, e);
	}
	if (r == 0 && ep->out_id.ino) {
		r = rv_names_apply(ep->out_fd, ep->out_path, info->out_mode, info, e);
	}
	if (r == 0) {
		__atomic_store_n(&ep->max_peers, info->max_peers, __ATOMIC_RELAXED);
	}
	return r;
}

void fifo_release_names(struct fifo_endpoint *ep)
{
	rv_names_unlink(ep->path, &ep->id);
	rv_names_unlink(ep->out_path, &ep->out_id);
	rv_names_unlink(ep->link_path, &ep->link_id);
	if (ep->dir_fd >= 0) {
		rv_names_remove_directory(ep->dir_path, ep->dir_fd, &ep->dir_id);
	}
	rv_names_unlock(&ep->lock);
}

/* Clients may have kept the directory alive when the names were released, at
 * drain. It is still ours to remove unless another endpoint serves there now,
 * which the lock tells. */
static void remove_late(struct fifo_endpoint *ep)
{
	struct rv_err err;

	if (ep->dir_id.ino && !ep->lock.path && rv_names_lock(ep->path, &ep->lock, &err) < 0) {
		ep->dir_id = (struct rv_names_id){0};
	}
}

void fifo_close(void *block)
{
	struct fifo_endpoint *ep = block;

	if (!ep->live) {
		return;
	}
	if (ep->path && ep->out_path && ep->dir_path) {
		remove_late(ep);
		fifo_release_names(ep);
	}
	fd_close_p(&ep->fd);
	fd_close_p(&ep->out_fd);
	fd_close_p(&ep->dir_fd);
	free(ep->path);
	free(ep->out_path);
	free(ep->dir_path);
	free(ep->link_path);
	*ep = (struct fifo_endpoint){0};
}
