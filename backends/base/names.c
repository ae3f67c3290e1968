#include <revd/base/names.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#define LOCK_TRIES 16

char *rv_names_join(const char *path, const char *suffix)
{
	size_t n = strlen(path), k = strlen(suffix) + 1;
	char *s = malloc(n + k);

	if (s) {
		memcpy(s, path, n);
		memcpy(s + n, suffix, k);
	}
	return s;
}

/* Opens the lock, *ret_made says whether it is new. O_EXCL first: only so is
 * it certain that a lock we did not make was left by somebody. */
static int lock_open(const char *path, bool *ret_made)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*ret_made = fd >= 0;
	if (fd < 0 && errno == EEXIST) {
		fd = open(path, flags);
	}
	return fd < 0 ? -errno : fd;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

const char *rv_names_advice(int err, const char *path, char buf[RV_NAMES_ADVICE])
{
	const char *slash = strrchr(path, '/');

	*buf = '\0';
	if (!getenv("INVOCATION_ID")) { /* systemd.exec(5) */
		return buf;
	}
	if (err == -EROFS && slash) {
		snprintf(buf, RV_NAMES_ADVICE, " (systemctl edit revd: [Service] ReadWritePaths=%.*s)",
			(int)(slash - path), path);
	} else if ((err == -ENOENT || err == -EACCES) &&
		   (is_below(path, "/home") || is_below(path, "/root") ||
			   is_below(path, "/run/user"))) {
		snprintf(buf, RV_NAMES_ADVICE, " (systemctl edit revd: [Service] ProtectHome=no)");
	} else if (err == -EPERM) {
		snprintf(buf, RV_NAMES_ADVICE,
			" (systemctl edit revd: [Service] SystemCallFilter=@chown "
			"SupplementaryGroups=GROUP)");
	}
	return buf;
}

/* 1: locked; 0: the file was removed meanwhile, try again; or -errno. */
static int lock_try(const char *path, int *ret_fd, bool *ret_leftover, struct rv_err *e)
{
	bool made;
	CLEANUP_FD int fd = lock_open(path, &made);
	struct stat st;

	if (fd == -ENOENT) {
		return 0; /* removed between the two open() calls, or there is no directory */
	}
	if (fd < 0) {
		char advice[RV_NAMES_ADVICE];

		return rv_fail(e, fd, "%.120s: cannot make the lock: %s%s", path, strerror(-fd),
			rv_names_advice(fd, path, advice));
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		return rv_fail(e, -EEXIST, "%s: exists and is not a lock of ours", path);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		return rv_fail(e, -EBUSY, "%s: locked, another revd serves there", path);
	}
	if (!rv_names_id_same(rv_names_id_fd(fd), rv_names_id_path(path))) {
		return 0;
	}
	*ret_leftover = !made;
	*ret_fd = TAKE_FD(fd);
	return 1;
}

int rv_names_lock(const char *path, struct rv_names_lock *ret, struct rv_err *e)
{
	struct rv_names_lock lock = {.path = rv_names_join(path, ".lock")};
	int r = 0;

	if (!lock.path) {
		return rv_fail(e, -ENOMEM, "%s: no memory", path);
	}
	for (int i = 0; r == 0 && i < LOCK_TRIES; i++) {
		r = lock_try(lock.path, &lock.fd, &lock.leftover, e);
	}
	if (r == 0) {
		char advice[RV_NAMES_ADVICE];

		r = rv_fail(e, -ENOENT, "%.120s: cannot make the lock: no such directory%s", lock.path,
			rv_names_advice(-ENOENT, path, advice));
	}
	if (r < 0) {
		free(lock.path);
		return r;
	}
	*ret = lock;
	return 0;
}

void rv_names_unlock(struct rv_names_lock *lock)
{
	struct rv_names_id id;

	if (!lock->path) {
		return;
	}
	id = rv_names_id_fd(lock->fd);
	rv_names_unlink(lock->path, &id);
	close(lock->fd);
	free(lock->path);
	*lock = (struct rv_names_lock){.fd = -1};
}

struct rv_names_id rv_names_id_fd(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return (struct rv_names_id){0};
	}
	return (struct rv_names_id){.dev = st.st_dev, .ino = st.st_ino};
}

struct rv_names_id rv_names_id_path(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		return (struct rv_names_id){0};
	}
	return (struct rv_names_id){.dev = st.st_dev, .ino = st.st_ino};
}

bool rv_names_unlink(const char *path, struct rv_names_id *id)
{
	bool same = id->ino != 0 && rv_names_id_same(rv_names_id_path(path), *id);

	*id = (struct rv_names_id){0};
	return same && unlink(path) == 0;
}

/* Could a name that is gone be made again? */
static int check_gone(const char *path, struct rv_err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
	int r = -ENOMEM;

	if (dir) {
		r = faccessat(AT_FDCWD, *dir ? dir : ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
	}
	free(dir);
	return r == 0 ? rv_fail(e, -ESTALE, "%s: the name is gone", path)
		      : rv_fail(e, r, "%s: the name is gone, and its directory: %s", path,
				strerror(-r));
}

int rv_names_lost(const char *path, struct rv_names_id id, struct rv_err *e)
{
	struct stat st;
	struct rv_names_id now;

	if (!id.ino) {
		return 0;
	}
	if (lstat(path, &st) < 0) {
		return errno == ENOENT ? check_gone(path, e) : rv_fail_errno(e, "%s", path);
	}
	now = (struct rv_names_id){.dev = st.st_dev, .ino = st.st_ino};
	return rv_names_id_same(now, id)
		       ? 0
		       : rv_fail(e, -EEXIST, "%s: the name is another's now", path);
}

/* fchmod() refuses O_PATH descriptors; their name in /proc does not. */
static int chmod_fd(int fd, mode_t mode)
{
	char proc[40];
	int r = fchmod(fd, mode);

	if (r < 0 && errno == EBADF) {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		r = chmod(proc, mode);
	}
	return r;
}

int rv_names_apply(int fd, const char *path, mode_t mode, const struct rv_endpoint_info *info,
	struct rv_err *e)
{
	if ((info->owner != (uid_t)-1 || info->group != (gid_t)-1) &&
		fchownat(fd, "", info->owner, info->group, AT_EMPTY_PATH) < 0) {
		char advice[RV_NAMES_ADVICE];
		int err = -errno;

		return rv_fail(e, err, "%.120s: cannot set the owner or group: %s%s", path,
			strerror(-err), rv_names_advice(err, path, advice));
	}
	return chmod_fd(fd, mode) < 0 ? rv_fail_errno(e, "%s: cannot set the mode", path) : 0;
}

bool rv_names_is_ours(const struct stat *st, const struct rv_endpoint_info *info)
{
	return st->st_uid == geteuid() || st->st_uid == info->owner;
}

/* Judges what is behind the name before it gets a mode that lets others in. */
static int fifo_judge(int fd, const char *path, bool leftover, const struct rv_endpoint_info *info,
	struct rv_err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return rv_fail_errno(e, "%s", path);
	}
	if (!S_ISFIFO(st.st_mode)) {
		return rv_fail(e, -EEXIST, "%s: exists and is not a FIFO", path);
	}
	if (!rv_names_is_ours(&st, info) || st.st_nlink != 1) {
		return rv_fail(e, -EEXIST, "%s: a FIFO of uid %u has the name; it is not ours",
			path, (unsigned)st.st_uid);
	}
	if (!leftover) {
		return rv_fail(e, -EEXIST,
			"%s: exists and no revd left it there; remove it or choose another path",
			path);
	}
	return 0;
}

int rv_names_fifo(const char *path, mode_t mode, bool leftover, const struct rv_endpoint_info *info,
	int *ret_fd, struct rv_err *e)
{
	CLEANUP_FD int fd = -1;
	bool made = mkfifo(path, 0600) == 0;
	int r;

	if (!made && errno != EEXIST) {
		return rv_fail_errno(e, "%s: cannot make the FIFO", path);
	}
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return rv_fail_errno(
			e, "%s: %s cannot be opened", path, made ? "the new FIFO" : "exists and");
	}
	r = fifo_judge(fd, path, made || leftover, info, e);
	if (r == 0) {
		r = rv_names_apply(fd, path, mode, info, e);
	}
	if (r == 0) {
		*ret_fd = TAKE_FD(fd);
	} else if (made) {
		unlink(path);
	}
	return r;
}

static int directory_judge(
	int fd, const char *path, const struct rv_endpoint_info *info, struct rv_err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return rv_fail_errno(e, "%s", path);
	}
	if (st.st_uid != 0 && !rv_names_is_ours(&st, info)) {
		return rv_fail(e, -EEXIST, "%s: a directory of uid %u has the name; it is not ours",
			path, (unsigned)st.st_uid);
	}
	return 0;
}

int rv_names_directory(const char *path, mode_t mode, const struct rv_endpoint_info *info,
	int *ret_fd, bool *ret_made, struct rv_err *e)
{
	CLEANUP_FD int fd = -1;
	bool made = mkdir(path, 0700) == 0;
	struct stat st;
	int r;

	if (!made && errno != EEXIST) {
		return rv_fail_errno(e, "%s: cannot make the directory", path);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOTDIR || errno == ELOOP
			       ? rv_fail(e, -errno, "%s: exists and is not a directory", path)
			       : rv_fail_errno(e, "%s", path);
	}
	r = directory_judge(fd, path, info, e);
	if (r == 0 && fstat(fd, &st) == 0 && (made || st.st_uid == geteuid())) {
		/* One that the admin gave us ready made (root's) keeps its mode. */
		r = rv_names_apply(fd, path, mode, info, e);
	}
	if (r == 0) {
		*ret_fd = TAKE_FD(fd);
		*ret_made = made;
	} else if (made) {
		rmdir(path);
	}
	return r;
}

static bool is_unread(int dirfd, const char *name)
{
	CLEANUP_FD int fd =
		openat(dirfd, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);

	return fd < 0 && errno == ENXIO;
}

/* Its client may just be opening it. So it is looked at again under a name that nobody
 * opens: whoever was in time keeps it, and whoever was not finds it gone. */
static void remove_if_unread(int dirfd, const char *name)
{
	static const char aside[] = ".dead";
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISFIFO(st.st_mode) ||
		!is_unread(dirfd, name) || renameat(dirfd, name, dirfd, aside) < 0) {
		return;
	}
	if (is_unread(dirfd, aside)) {
		unlinkat(dirfd, aside, 0);
	} else {
		(void)renameat(dirfd, aside, dirfd, name);
	}
}

void rv_names_remove_unread(int dirfd, const char *mark, size_t most, long *at)
{
	struct dirent *e = NULL;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* fdopendir() keeps it */
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close_p(&fd);
		return;
	}
	seekdir(d, *at);
	while (most-- > 0 && (e = readdir(d))) {
		if (strncmp(e->d_name, mark, strlen(mark)) == 0) {
			remove_if_unread(fd, e->d_name);
		}
	}
	*at = e ? telldir(d) : 0;
	closedir(d);
}

bool rv_names_remove_directory(const char *path, int dirfd, struct rv_names_id *id)
{
	bool same = id->ino != 0 && rv_names_id_same(rv_names_id_path(path), *id);

	if (same && rmdir(path) < 0) {
		rv_names_remove_unread(dirfd, "", SIZE_MAX, &(long){0});
		if (rmdir(path) < 0) {
			return false;
		}
	}
	*id = (struct rv_names_id){0};
	return same;
}

/* Takes away what was at the place of a link, if that is nobody else's. */
static bool make_way(const char *path)
{
	CLEANUP_FD int dir = -1;
	struct stat st;

	if (lstat(path, &st) < 0 || st.st_uid != geteuid()) {
		return false;
	}
	if (S_ISLNK(st.st_mode)) {
		return unlink(path) == 0;
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0) {
		rv_names_remove_unread(dir, "", SIZE_MAX, &(long){0});
	}
	return rmdir(path) == 0;
}

int rv_names_link(const char *path, const char *target, struct rv_names_id *ret, struct rv_err *e)
{
	int r = symlink(target, path);

	if (r < 0 && errno == EEXIST) {
		if (make_way(path)) {
			r = symlink(target, path);
		} else if (errno == ENOTDIR) {
			errno = EEXIST; /* which is what matters */
		}
	}
	if (r < 0) {
		return rv_fail_errno(e, "%s: cannot be made a link to %s", path, target);
	}
	*ret = rv_names_id_path(path);
	return 0;
}
