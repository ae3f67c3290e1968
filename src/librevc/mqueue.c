/*
 * POSIX message queues, mq_overview(7). Requests go into the daemon's queue,
 * replies come through a queue of our own, /NAME.TOKEN. An mqd_t is a
 * descriptor on Linux, so it can be polled.
 *
 * All queues of a user share RLIMIT_MSGQUEUE (800 KiB by default), so reply queues
 * are small; where even that is too much, smaller ones are tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "librevc/orphans.h"
#include "librevc/transports.h"
#include "util/clock.h"
#include "util/fd.h"

#define REPLY_MODE 0622 /* the daemon may send, others may not receive */
#define DEPTH_DEFAULT 10u
#define SIZE_DEFAULT 1088u /* a header and a KiB */
#define PAUSE_MAX_MS 50

struct shape {
	uint32_t depth, size;
};

static void mqueue_unlink_reply(const struct revc *s)
{
	/* mq_unlink(3) is not among the async-signal-safe functions; the
	 * system call is, and takes the name without its slash. */
	syscall(SYS_mq_unlink, s->reply_name + 1);
}

static int open_request(struct revc *s)
{
	struct mq_attr attr;
	mqd_t fd = mq_open(s->uri.address, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd == (mqd_t)-1) {
		return session_fail(s, FAILURE_CONNECT, errno);
	}
	s->out_fd = fd;
	if (mq_getattr(fd, &attr) < 0 || fstat(fd, &s->st) < 0) {
		return session_fail(s, FAILURE_CONNECT, errno);
	}
	if (attr.mq_msgsize <= (long)(RV_FRAME_HEADER + 1 + RV_TOKEN_MAX)) {
		return session_fail(s, FAILURE_CONNECT, EPROTO);
	}
	s->limits.message_max = (size_t)attr.mq_msgsize;
	return 0;
}

static int make_reply(struct revc *s, const struct shape *shape)
{
	struct mq_attr attr = {
		.mq_maxmsg = (long)shape->depth,
		.mq_msgsize = (long)shape->size,
	};
	mqd_t fd = mq_open(s->reply_name, O_RDONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC,
		REPLY_MODE, &attr);

	if (fd == (mqd_t)-1) {
		return -errno;
	}
	s->limits.inflight_max = shape->depth;
	s->in_fd = fd;
	/* fchmod: the umask has taken bits away. */
	if (fchmod(fd, REPLY_MODE) < 0) {
		return -errno;
	}
	return orphans_lock(fd) ? 0 : -EBUSY;
}

/* Smaller until it fits the budget (EMFILE) and the system's limits (EINVAL). */
static int make_reply_that_fits(struct revc *s, size_t *ret_size)
{
	const struct shape shapes[] = {
		{s->options.mq_depth ? s->options.mq_depth : DEPTH_DEFAULT,
			s->options.mq_size ? s->options.mq_size : SIZE_DEFAULT},
		{4, 1024},
		{4, 256},
		{1, 128},
	};
	int r = -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(shapes) && (r == -EINVAL || r == -EMFILE); i++) {
		r = make_reply(s, &shapes[i]);
		*ret_size = shapes[i].size;
	}
	return r;
}

/* One try: the queue, or nothing. */
static int try_reply(struct revc *s, size_t *ret_size)
{
	CLEANUP_FD int list = orphans_open(NULL);
	int r = session_make_token(s);

	if (r < 0) {
		return r;
	}
	orphans_remove(list);
	(void)snprintf(s->reply_name, sizeof(s->reply_name), "%s.%.*s", s->uri.address,
		(int)s->token_n, (const char *)s->token);
	orphans_note(list, s->reply_name);
	r = make_reply_that_fits(s, ret_size);
	if (r < 0) {
		session_drop_reply(s);
	}
	return r;
}

/* Is it the user's budget, or the system's, that is used up, and not ours of descriptors? */
static bool is_shortage(const struct revc *s, int r)
{
	CLEANUP_FD int spare = -1;

	if (r != -EMFILE && r != -ENOSPC) {
		return false;
	}
	spare = fcntl(s->out_fd, F_DUPFD_CLOEXEC, 0);
	return spare >= 0;
}

/* What other clients leave is free again when the daemon has let go of it, too. */
static int open_reply(struct revc *s, uint64_t deadline)
{
	size_t size = 0;
	int pause_ms = 1, r;

	while (is_shortage(s, r = try_reply(s, &size)) && clock_now() < deadline) {
		(void)poll(NULL, 0, pause_ms);
		pause_ms = MIN(2 * pause_ms, PAUSE_MAX_MS);
	}
	return r < 0 ? session_fail(s, FAILURE_REPLY, -r) : session_make_slots(s, size);
}

static int mqueue_open(struct revc *s, uint64_t deadline)
{
	int r = open_request(s);

	r = r < 0 ? r : open_reply(s, deadline);
	s->limits.inflight_bytes = (size_t)256 << 10;
	return r;
}

static ssize_t mqueue_send(struct revc *s, const uint8_t *p, size_t n)
{
	size_t len = RV_FRAME_HEADER + rv_load_le32(p + 4);
	int r;

	(void)n; /* at least one whole frame */
	do {
		r = mq_send(s->out_fd, (const char *)p, len, 0);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : (ssize_t)len;
}

static int mqueue_fill(struct revc *s)
{
	struct session_slots *m = &s->slots;
	unsigned most = session_expected(s);

	m->n = m->next = 0;
	while (m->n < most) {
		ssize_t k = mq_receive(s->in_fd, (char *)m->mem + m->n * m->size, m->size, NULL);

		if (k >= 0) {
			m->lens[m->n++] = (size_t)k;
			continue;
		}
		if (errno == EINTR) {
			continue;
		}
		return m->n > 0 ? 0 : -errno;
	}
	return 0;
}

static int mqueue_verify(const struct revc *s)
{
	struct stat st;
	CLEANUP_FD int fd = mq_open(s->uri.address, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	/* A name that was made again is another queue: nobody will read ours. */
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == s->st.st_dev &&
			       st.st_ino == s->st.st_ino
		       ? 0
		       : -ENOTCONN;
}

const struct transport transport_mqueue = {
	.name = "mqueue",
	.open = mqueue_open,
	.send = mqueue_send,
	.fill = mqueue_fill,
	.verify = mqueue_verify,
	.unlink_reply = mqueue_unlink_reply,
};
