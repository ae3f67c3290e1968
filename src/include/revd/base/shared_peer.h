/*
 * What a transport without connections writes to: the line peer, and reply peers. See
 * <revd/base/shared.h>.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <revd/base/peer_cache.h>
#include <revd/base/writer.h>

struct rv_shared;
struct rv_shared_peer;

struct rv_shared_ops {
	bool messages; /* and they are sent one by one; else bytes are read and written */
	/* As in struct rv_writer_ops. */
	ssize_t (*send)(void *peer, const void *p, size_t n);
	/* With messages: reads at most rv_shared_may_read() of them into all->buf, and gives
	 * them to the host; then rv_shared_took(). 0 or -errno. */
	int (*input)(struct rv_shared *);
	/* The rest may be 0 or NULL. */
	/* Fills in the sizes of a peer that writes to fd. NULL: any. */
	void (*describe)(struct rv_shared *, int fd, bool line, struct rv_peer_info *);
	/* Nobody has read the replies to lines for long: what is in there goes. How many
	 * they were. */
	size_t (*discard_lines)(struct rv_shared *);

	/* With RV_CAP_REPLY_TO. */
	const char *reply_name; /* what is opened, for the log: "reply FIFO" */
	/* Opens the name behind a token for writing; never waits, makes nothing. The
	 * descriptor or -errno. */
	int (*open_reply)(struct rv_shared *, const char *token, size_t n);
	/* Why it could not, as a sentence. */
	const char *(*why)(int err);
	/* May be NULL. A reply peer has begun. */
	void (*begun)(struct rv_shared_peer *);
	/* May be NULL. A cached peer is asked for: could its client have made the name anew? */
	bool (*may_be_old)(struct rv_shared_peer *);
	/* A descriptor whose reader has left is readable. */
	bool tells_hangup;
};

struct rv_shared_peer {
	struct rv_writer_peer out;
	struct rv_shared *all;
	int fd;        /* owned by reply peers; the line peer's is the endpoint's */
	uint8_t armed; /* what the event waits for */
	bool line, ended;
	bool closing; /* what is unsent goes out, then it ends */
	struct event event;
	struct rv_peer_cache_entry entry; /* in all->cache unless it is the line peer or closing */
	char token[RV_TOKEN_MAX];
};

struct rv_shared {
	struct rv_writer out;
	/* Set by the transport before it attaches. */
	const struct rv_shared_ops *ops;
	const char *name;          /* of the input, for the log */
	int input_fd, line_fd;     /* of the requests, and of the replies to lines */
	const uint64_t *max_peers; /* the endpoint's; atomic */
	size_t buf_size;           /* with messages */

	uint8_t *buf; /* what is read */
	struct rv_peer_cache cache;
	struct rv_shared_peer *line;
	struct event input; /* of the requests */
	bool attached, draining, drained;
	uint64_t lines_ns; /* when replies to lines were sent last */
	size_t left;       /* while draining: bytes or messages that had arrived and are not read */
};

/* A peer that writes to fd, which is a reply peer's own if this succeeds. 0 or -errno. */
int rv_shared_peer_new(
	struct rv_shared *, int fd, bool line, struct rv_shared_peer **ret) MUST_CHECK;
/* Ends it at once. The line peer is replaced by another one, unless all is detached. */
void rv_shared_end(struct rv_shared_peer *);
/* The reply peer writes to another descriptor from now on. 0 or -ENOMEM. */
int rv_shared_set_fd(struct rv_shared_peer *, int fd) MUST_CHECK;

/* For ops->send(), before replies to lines go out with no tail before them. What has lain
 * there for so long that nobody waits for it would be taken for the answer to the next. */
void rv_shared_before_lines(struct rv_shared *);

/* Reads the input on, unless all that is to be read was read. 0 or -ENOMEM. */
int rv_shared_read_on(struct rv_shared *) MUST_CHECK;
/* Says drained() if all that had arrived is read and the kernel has all replies. */
void rv_shared_check_drained(struct rv_shared *);
/* Sets up all->out. */
void rv_shared_writer_init(struct rv_shared *, const struct rv_host *, struct rv_instance *);

/* rv_backend_ops */
void rv_shared_resume(void *instance, void *peer);
void rv_shared_close(void *instance, void *peer, enum rv_close);
