/*
 * Names in the file system: made so that nobody else gets in between, removed
 * only if they are still what we made.
 *
 * A name that exists is never taken over by force: either it is a leftover of
 * a revd that was killed, which its lock file proves, or opening fails. The lock
 * file PATH.lock exists exactly while a revd serves PATH or after one died; the
 * lock on it tells the two apart. It is removed on a clean exit.
 */
#pragma once

#include <sys/stat.h>
#include <revd/base/util.h>

struct rv_names_lock { /* .path NULL: not held */
	int fd;
	char *path;
	bool leftover; /* a revd died here: what carries our names may be replaced */
};

/* Takes PATH.lock. -EBUSY: another revd serves PATH; -EEXIST: the name of the
 * lock is something else's. */
int rv_names_lock(const char *path, struct rv_names_lock *ret, struct rv_err *) MUST_CHECK;
/* Removes and frees it. Fine on one that is not held. */
void rv_names_unlock(struct rv_names_lock *);

/* Which object a name was when we made it. All zero: none of ours. */
struct rv_names_id {
	dev_t dev;
	ino_t ino;
};

struct rv_names_id rv_names_id_fd(int fd);
struct rv_names_id rv_names_id_path(const char *path); /* does not follow a symbolic link */
static inline bool rv_names_id_same(struct rv_names_id a, struct rv_names_id b)
{
	return a.ino == b.ino && a.dev == b.dev;
}

/* A symbolic link of ours at path. One of this user's is replaced, and so is an empty
 * directory, FIFOs that nobody reads not counted. */
int rv_names_link(const char *path, const char *target, struct rv_names_id *ret,
	struct rv_err *) MUST_CHECK;

/* Removes the name if it is still *id, and clears *id. True if removed. */
bool rv_names_unlink(const char *path, struct rv_names_id *id);

/* Is the name still *id, or none of ours? 0; -ESTALE: it is gone, and can be made again;
 * -EEXIST: it is another's; -errno: it is gone, and can't be made again. */
int rv_names_lost(const char *path, struct rv_names_id id, struct rv_err *) MUST_CHECK;

/* Gives the object behind fd (also an O_PATH one) its owner, group and mode. */
int rv_names_apply(int fd, const char *path, mode_t mode, const struct rv_endpoint_info *,
	struct rv_err *) MUST_CHECK;

/* What a unit's drop-in has to say so that systemd's sandbox lets us do it, in brackets, for behind
 * the sentence; "" if that is not what stands in the way. Into buf, which is returned. */
#define RV_NAMES_ADVICE 128
const char *rv_names_advice(int err, const char *path, char buf[RV_NAMES_ADVICE]);

/* True if the object may be a leftover of ours: made by this user, or handed
 * to the configured owner. */
bool rv_names_is_ours(const struct stat *, const struct rv_endpoint_info *);

/* A FIFO of ours at path, opened O_RDWR. A leftover is used again, so that who
 * has it open goes on. *ret_fd: the caller closes it. */
int rv_names_fifo(const char *path, mode_t mode, bool leftover, const struct rv_endpoint_info *,
	int *ret_fd, struct rv_err *) MUST_CHECK;

/* A directory of ours or of root's at path, opened. *ret_made: it was not there. */
int rv_names_directory(const char *path, mode_t mode, const struct rv_endpoint_info *, int *ret_fd,
	bool *ret_made, struct rv_err *) MUST_CHECK;

/* Removes from the directory the FIFOs that nobody reads and whose names begin with
 * `mark`: what dead clients leave. Looks at `most` names at a time, since anybody may make
 * many; *at: where to go on, 0 at the beginning and the end. */
void rv_names_remove_unread(int dirfd, const char *mark, size_t most, long *at);
/* The same with all FIFOs, and then the directory itself if that made it empty. *id stays
 * if it is still there and still ours. */
bool rv_names_remove_directory(const char *path, int dirfd, struct rv_names_id *id);

/* path and suffix in new memory, or NULL. */
char *rv_names_join(const char *path, const char *suffix);
