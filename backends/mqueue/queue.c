#include "mqueue/queue.h"

#include <fcntl.h>
#include <stdlib.h>

const char *mqueue_strerror(int err)
{
	switch (err < 0 ? -err : err) {
	case EMFILE:
		return "this user's queue memory (RLIMIT_MSGQUEUE) is used up, or no descriptor "
		       "is left";
	case ENOSPC:
		return "the system has no queue left (fs.mqueue.queues_max)";
	case EINVAL:
		return "max_messages or message_size is over the system's limit "
		       "(fs.mqueue.msg_max, fs.mqueue.msgsize_max)";
	case EACCES:
		return "its mode does not let revd in";
	case ENOENT:
		return "no such queue";
	case ENOSYS:
		return "the kernel has no POSIX message queues";
	case EMSGSIZE:
		return "its messages are too small";
	default:
		return strerror(err < 0 ? -err : err);
	}
}

/* The type of a lock that keeps a write lock from being taken; F_UNLCK if none. */
static short lock_in_the_way(mqd_t q)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(q, F_OFD_GETLK, &l) < 0 ? F_UNLCK : l.l_type;
}

bool mqueue_is_served(mqd_t q)
{
	return lock_in_the_way(q) == F_RDLCK;
}

/* A sender could hold a write lock to keep us from starting: that is not let
 * count, only another reader is. */
static int lock(const struct mqueue_queue *mq, struct rv_err *e)
{
	struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	(void)fcntl(mq->q, F_OFD_SETLK, &l);
	if (mqueue_is_served(mq->q)) {
		return rv_fail(e, -EBUSY, "%s: another revd receives from it", mq->name);
	}
	return 0;
}

struct rv_names_id mqueue_id(const char *name)
{
	mqd_t q = mq_open(name, O_RDONLY | O_NONBLOCK);
	struct rv_names_id id = {0};

	if (q < 0) {
		q = mq_open(name, O_WRONLY | O_NONBLOCK);
	}
	if (q >= 0) {
		id = rv_names_id_fd(q);
		mq_close(q);
	}
	return id;
}

void mqueue_remove(struct mqueue_queue *mq)
{
	if (mq->id.ino && rv_names_id_same(mq->id, mqueue_id(mq->name))) {
		mq_unlink(mq->name);
	}
	mq->id = (struct rv_names_id){0};
}

void mqueue_finish(struct mqueue_queue *mq)
{
	if (mq->name) {
		mqueue_remove(mq);
	}
	if (mq->q >= 0) {
		mq_close(mq->q);
	}
	free(mq->name);
	*mq = (struct mqueue_queue){.q = -1};
}

/* What is behind an existing name: 0 and opened if it may be used again, 1 if it
 * is ours but has other attributes. */
static int open_existing(struct mqueue_queue *mq, int oflag, const struct mqueue_config *cfg,
	const struct rv_endpoint_info *info, struct rv_err *e)
{
	CLEANUP_FD int q = mq_open(mq->name, oflag);
	struct mq_attr attr;
	struct stat st;
	int r = q < 0 ? -errno : 0;

	if (r < 0 || fstat(q, &st) < 0 || mq_getattr(q, &attr) < 0) {
		r = r < 0 ? r : -errno;
		return rv_fail(
			e, r, "%s: exists and cannot be opened: %s", mq->name, mqueue_strerror(r));
	}
	if (!rv_names_is_ours(&st, info)) {
		return rv_fail(e, -EEXIST, "%s: a queue of uid %u has the name; it is not ours",
			mq->name, (unsigned)st.st_uid);
	}
	if (mqueue_is_served(q)) {
		return rv_fail(e, -EBUSY, "%s: another revd receives from it", mq->name);
	}
	if ((uint64_t)attr.mq_maxmsg != cfg->max_messages ||
		(uint64_t)attr.mq_msgsize != cfg->message_size) {
		return 1;
	}
	mq->q = TAKE_FD(q);
	return 0;
}

static int open_or_make(struct mqueue_queue *mq, int oflag, const struct mqueue_config *cfg,
	const struct rv_endpoint_info *info, struct rv_err *e)
{
	struct mq_attr attr = {
		.mq_maxmsg = (long)cfg->max_messages, .mq_msgsize = (long)cfg->message_size};
	int r = 1;

	for (int i = 0; r == 1 && i < 3; i++) {
		mq->q = mq_open(mq->name, oflag | O_CREAT | O_EXCL, 0600, &attr);
		if (mq->q >= 0) {
			return 0;
		}
		if (errno != EEXIST) {
			r = -errno;
			return rv_fail(e, r, "%s: cannot make the queue: %s", mq->name,
				mqueue_strerror(r));
		}
		r = open_existing(mq, oflag, cfg, info, e);
		if (r == 1) {
			mq_unlink(mq->name);
		}
	}
	return r == 1 ? rv_fail(e, -EEXIST, "%s: somebody keeps making it", mq->name) : r;
}

int mqueue_make(struct mqueue_queue *mq, int oflag, mode_t mode, const struct mqueue_config *cfg,
	const struct rv_endpoint_info *info, struct rv_err *e)
{
	int r = open_or_make(mq, oflag | O_NONBLOCK | O_CLOEXEC, cfg, info, e);

	if (r == 0) {
		r = lock(mq, e);
	}
	if (r < 0) {
		return r;
	}
	mq->id = rv_names_id_fd(mq->q);
	mq->message_size = cfg->message_size;
	mq->depth = (size_t)cfg->max_messages;
	return rv_names_apply(mq->q, mq->name, mode, info, e);
}
