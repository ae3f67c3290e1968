/*
 * <revd/backend.h>: all that a transport backend, in-tree or not, sees of revd.
 *
 * A backend moves bytes or messages and knows its addresses; it neither cuts
 * nor parses them. The host splits the input into lines and frames, joins
 * fragments, calls the service, orders the replies and keeps every limit.
 *
 * Model. An *endpoint* is one configured address (process-wide: names,
 * descriptors). An *instance* is an endpoint on one worker thread. A *peer* is
 * whoever a reply goes to: a connection, a reply FIFO, a reply queue, the `.out`
 * name for lines.
 *
 * Memory. The host allocates the config, endpoint, instance and peer blocks
 * (the sizes are in the ops table), zeroed and aligned to 8, and frees them. A peer block stays
 * in place from host->peer_new() until the end of the turn in which
 * host->peer_gone() was called, so any callback may end any peer. Config strings
 * live until close() or until the next reconfigure() that succeeds.
 *
 * Input. What is given to host->bytes() and messages() must not change until they
 * return: the host looks at it more than once. Memory that is shared with the peer has
 * to be copied first.
 *
 * Threads. Endpoint calls (check, open, reconfigure, close) come on the main
 * thread; instance calls on that instance's worker. Attach follows open, close
 * follows the last detach. reconfigure() may run while instances do: it touches
 * only what instances do not read, or what may be read torn-free (one word).
 *
 * Re-entry. From inside host->bytes(), messages(), eof() and writable() the host
 * may call reserve, commit, flush and peer_close. It calls resume, drain and poll
 * only from outside of the backend's own callbacks, or from writable().
 *
 * Errors. 0 or -errno; the sentence for the log goes into rv_err.
 */
#pragma once

#include <stdarg.h>
#include <revd/handover.h>
#include <revd/option.h>
#include <revd/quote.h>
#include <revd/wire.h>

struct event_base;
struct rv_instance; /* the host's handle for one endpoint on one worker */

#define REVD_BACKEND_MAGIC 0x52565442u
#define REVD_BACKEND_ABI 2u             /* bumped only when an old backend would break */
#define REVD_BACKEND_SYM "revd_backend" /* dlsym(): const struct rv_backend_ops */

/* What an ops table begins with; needs <event2/event.h>. */
#define REVD_BACKEND_HEAD                                     \
	.magic = REVD_BACKEND_MAGIC, .abi = REVD_BACKEND_ABI, \
	.size = sizeof(struct rv_backend_ops), .libevent = LIBEVENT_VERSION_NUMBER

enum rv_cap {
	RV_CAP_MULTI_WORKER = 1u << 0, /* may be attached on every worker; else on one */
	RV_CAP_ADOPT_FD = 1u << 1,     /* takes socket-activated descriptors */
	RV_CAP_PEERCRED = 1u << 2,     /* rv_peer_info.uid is vouched for by the kernel */
	RV_CAP_REPLY_TO = 1u << 3,     /* has reply_peer(): frames must carry a reply token */
};

enum rv_peer_flag {
	/* What goes to and comes from the peer is a byte stream: the host may
	 * put many replies into one commit. Without it a commit is a message. */
	RV_PEER_STREAM = 1u << 0,
	/* The input of this peer carries other clients' requests too. It is
	 * never closed for one of them: malformed input is skipped. */
	RV_PEER_SHARED = 1u << 1,
	/* No input ever comes from it; it exists to be answered. */
	RV_PEER_REPLY_ONLY = 1u << 2,
};

struct rv_peer_info {
	uint32_t flags;     /* enum rv_peer_flag */
	size_t max_message; /* largest reply message or frame in bytes, header included; 0: any */
	size_t max_line;    /* largest reply to a line, terminator included; 0: max_message */
	uid_t uid;          /* with RV_CAP_PEERCRED, else (uid_t)-1 */
	gid_t gid;
	bool denied; /* it may not use this endpoint: the host tells it so and closes it */
};

struct rv_msg {
	const void *data; /* borrowed until messages() returns */
	size_t len;
	uint32_t tag; /* handed back by the commit of its reply: a message's priority */
	size_t total; /* bytes as sent, if the message was truncated to len; 0: it is whole */
	/* The block of the peer to which the reply goes, where the transport names it
	 * beside the message; NULL: to the sender, or as a token in the frame says. */
	void *reply_peer;
};

/* What the host wants of a peer's input after it was given some. */
enum rv_next {
	RV_READ_ON,   /* go on reading */
	RV_READ_STOP, /* stop reading from this peer until resume() */
	RV_READ_GONE, /* the peer was closed inside the call: touch it no more */
};

enum rv_close {
	RV_CLOSE_FLUSH, /* send what is committed, then close */
	RV_CLOSE_NOW,   /* drop what is not sent */
};

/* Why something was lost; each is a counter of STATS. */
enum rv_drop {
	RV_DROP_REPLY_NAME, /* a reply name that could not be opened or was refused */
	RV_DROP_PEER_GONE,  /* the peer left before its reply */
	RV_DROP_OUTPUT,     /* the peer took no replies for too long */
	RV_DROP_ACCEPT,     /* accept() failed */
	RV_DROP_IO,         /* another error of the transport */
	RV_DROP_COUNT,
};

/* What poll() has found. */
enum rv_poll {
	RV_POLL_NOBODY, /* there is no peer to look at: what comes next is an event */
	RV_POLL_NOTHING,
	RV_POLL_SERVED, /* something; there may be more at once */
};

/* Of an instance. */
struct rv_totals {
	uint64_t requests;
	uint64_t errors; /* answered with another status than ok */
	uint64_t timed;  /* answered, and took all of `ns` together, from reading to sending */
	uint64_t ns;
};

#define RV_COMMIT_NONE ((size_t)-1)

struct rv_room {
	uint8_t *data;
	size_t size;
};

struct rv_host { /* grows at the tail only: test .size first */
	uint32_t size;

	struct event_base *(*event_base)(struct rv_instance *);
	/* The clock of the loop: CLOCK_MONOTONIC in ns, read once a turn. */
	uint64_t (*now)(struct rv_instance *);

	/* A peer begins. On success *ret is its zeroed block of peer_size bytes.
	 * -EUSERS: the endpoint is full and cannot even say so; close it. */
	int (*peer_new)(struct rv_instance *, const struct rv_peer_info *, void **ret);
	/* The peer has ended; its block is freed at the end of the turn. The
	 * host makes no further call for it. Not for peers still being closed. */
	void (*peer_gone)(struct rv_instance *, void *peer);
	/* True if nothing of the peer waits in the host: no partial message, no
	 * request in the service, no held reply. Such a peer may be forgotten. */
	bool (*peer_idle)(struct rv_instance *, const void *peer);

	/* Input of a byte stream, taken whole. `whole` says that the kernel had
	 * no more when it was read (a shared stream uses it to tell a torn frame). */
	enum rv_next (*bytes)(
		struct rv_instance *, void *peer, const void *data, size_t n, bool whole);
	/* Whole messages, taken all. */
	enum rv_next (*messages)(struct rv_instance *, void *peer, const struct rv_msg *, size_t n);
	/* The input has ended: the last line is served; when all is answered the
	 * host calls peer_close(RV_CLOSE_FLUSH), perhaps from inside eof(). */
	void (*eof)(struct rv_instance *, void *peer);
	/* Output of the peer waits for the kernel. Called when that begins and
	 * again whenever some of it could be sent: the host cuts off a peer that
	 * stays blocked for slow_timeout without progress. */
	void (*blocked)(struct rv_instance *, void *peer);
	/* All output is sent that was blocked; reserve() has room again. The
	 * host may serve and reserve from inside, and may end the peer. */
	void (*writable)(struct rv_instance *, void *peer);

	/* Calls fn for every peer that is not gone. fn may end it. */
	void (*each_peer)(struct rv_instance *, void (*fn)(void *peer, void *arg), void *arg);

	void (*dropped)(struct rv_instance *, enum rv_drop, uint64_t n);
	void (*drained)(struct rv_instance *); /* the answer to drain() */
	/* This endpoint can't go on (err: a positive errno), or has nothing left to
	 * do (err 0). detach() and close() follow. */
	void (*failed)(struct rv_instance *, int err);
	/* It can't be served for now, and the backend goes on trying (why: a sentence,
	 * copied; may be called again with another one); and: it is served again. Seen in
	 * STATS, INFO and what systemd shows. */
	void (*down)(struct rv_instance *, const char *why);
	void (*up)(struct rv_instance *);
	/* From any thread, between attach() and the end of detach(): fn(in, arg) is
	 * called on the instance's worker, once, in order; `in` is the instance's block,
	 * or NULL if it was detached meanwhile. 0 or -ENOMEM. */
	int (*post)(struct rv_instance *, void (*fn)(void *in, void *arg), void *arg);
	/* prio: syslog's. One line; foreign strings must be quoted by the caller
	 * with rv_quote(). Messages that clients can cause are rate-limited. */
	void (*log)(struct rv_instance *, int prio, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));
	/* What this instance has counted since it was attached. */
	void (*totals)(struct rv_instance *, struct rv_totals *ret);
};

/* Settings that every endpoint has and that its backend acts on. */
struct rv_endpoint_info {
	const char *name;
	mode_t mode;     /* of the request name */
	mode_t out_mode; /* of the `.out` name */
	uid_t owner;     /* (uid_t)-1: leave */
	gid_t group;     /* (gid_t)-1: leave */
	uint64_t max_peers;
	uint64_t max_request; /* bytes */
};

struct rv_backend_ops { /* grows at the tail only */
	uint32_t magic, abi, size,
		libevent;           /* size: sizeof *this; libevent: LIBEVENT_VERSION_NUMBER */
	const char *name, *version; /* name: what `transport =` says */
	uint32_t caps;              /* enum rv_cap */
	mode_t default_mode;
	size_t config_size, endpoint_size, instance_size, peer_size;

	/* What begins with "NULL" in here may be NULL, and it says what that means. */

	const struct rv_option *options; /* NULL: it has no keys */

	/* Endpoint, process-wide. */

	/* NULL: each is fine. Judges a configuration without side effects. */
	int (*check)(const void *cfg, struct rv_err *);
	/* NULL: it is "NAME:", so that there is one endpoint at most. Writes the address
	 * for people: "uds:/run/revd/revd.sock". */
	void (*address)(const void *cfg, char *buf, size_t size);
	/* NULL: there is nothing to make; not with RV_CAP_ADOPT_FD. Makes the names. fds: inherited
	 * descriptors, taken over on success only; a name that came with one is never unlinked,
	 * here or in close(). */
	int (*open)(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
		size_t n_fds, struct rv_err *);
	/* NULL: none can be applied in place, so that a change of a key of the backend, or of
	 * mode, out_mode, owner or group, closes the endpoint and opens it anew; the host
	 * sees to max_peers and max_request. Applies keys marked live (and mode, owner,
	 * group). -EBUSY: can't be done in place, nothing was changed. -ESTALE: a name that
	 * open() made is gone, and nothing stands in the way of making it again: the host
	 * opens the endpoint anew. */
	int (*reconfigure)(
		void *ep, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
	/* NULL: there is nothing to close. Closes, and removes the names that open() made. Fine
	 * half-open. */
	void (*close)(void *ep);

	/* Instance, per worker. */

	int (*attach)(
		void *in, void *ep, const struct rv_host *, struct rv_instance *, struct rv_err *);
	/* Take nothing new: no new peers, and only the input that has already
	 * arrived. Call host->eof() for each connection when its input is read
	 * empty, and host->drained() when all input is read and no peer is left
	 * with unsent output. Inherited shared names: leave their unread input. */
	void (*drain)(void *in);
	/* Drop all of it now; peer_gone() for each peer. */
	void (*detach)(void *in);

	/* Peer. */

	/* NULL: no peer has input. Read from it again after RV_READ_STOP. */
	void (*resume)(void *in, void *peer);
	/* End it; host->peer_gone() when done, perhaps inside. */
	void (*peer_close)(void *in, void *peer, enum rv_close);
	/* NULL: not with RV_CAP_REPLY_TO. The peer behind a token (already valid by
	 * rv_token_valid()), found in the cache or opened now. */
	int (*reply_peer)(void *in, const char *token, size_t n, void **ret_peer);

	/* Output: the service writes straight into the transport's memory. One
	 * reservation is open at a time, for one peer. */

	/* At least `min` bytes of room. -EAGAIN: too much is unsent already;
	 * host->writable() follows. Another error: the peer can't be answered. */
	int (*reserve)(void *in, void *peer, size_t min, struct rv_room *ret);
	/* The first `used` bytes are a message (or a piece of the stream) for
	 * the peer of the reservation; 0 is an empty message. RV_COMMIT_NONE gives
	 * the reservation back. `tag`: of the request. */
	void (*commit)(void *in, void *peer, size_t used, uint32_t tag);
	/* Send what is committed for this peer: one system call where the
	 * transport allows it. Called once per batch of input, and for a peer that
	 * is blocked before it is cut off: try again then. */
	void (*flush)(void *in, void *peer);

	/* NULL: the address alone. Writes the i-th of the names that open() takes up,
	 * whoever made them, the address first; false if there are no more. Files begin with a
	 * slash, and others with what keeps them apart: "/run/x.fifo", "@x",
	 * "mqueue:/x". Two endpoints with one name are an error. */
	bool (*name_at)(const void *cfg, size_t i, char *buf, size_t size);

	/* NULL: all input comes by events. Looks at peers whose input can come without one,
	 * since it lies in memory that they share, and serves a bounded amount for each;
	 * outside of the backend's own callbacks. It is called again and again while the
	 * worker spins; and with `sleep` before the worker sleeps: what comes from then on
	 * has to wake it up. */
	enum rv_poll (*poll)(void *in, bool sleep);

	/* Restart without loss. Where the four are NULL an endpoint is drained and closed when
	 * the process is replaced by another one, which opens it anew. */

	/* Of what these write; another process may read that of its own version alone. */
	uint32_t handover_version;
	/* What open() has made, but for what was inherited: the process ends without close(),
	 * so that names stay. Main thread; nothing runs any more. */
	void (*hand_over)(void *ep, struct rv_handover *);
	/* In place of open(). -errno: what was taken over is closed, and names that it made are
	 * removed, so that open() may follow. cfg NULL: it is not served any more, do that. */
	int (*take_over)(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
		size_t n_fds, struct rv_takeover *, struct rv_err *);
	/* A peer, with what is unsent of its output. */
	void (*hand_over_peer)(void *in, void *peer, struct rv_handover *);
	/* Makes it with host->peer_new(), or finds it where attach() has made it. What is unsent
	 * is told with host->blocked(). It is not read from before resume(). *ret_closing:
	 * peer_close(RV_CLOSE_FLUSH) was called for it. */
	int (*take_over_peer)(void *in, struct rv_takeover *, void **ret_peer, bool *ret_closing);

	/* NULL: an error that answers a line is a line that begins with NAK, like others.
	 * Takes the place of commit() for such an error, where replies are messages and the
	 * transport tells errors beside the text: `used` bytes, "STATUS: SENTENCE", without
	 * NAK and without a terminator. */
	void (*commit_error)(
		void *in, void *peer, size_t used, uint32_t tag, enum rv_status status);

	/* NULL: nothing goes on by itself. All endpoints are closed and the process ends: waits,
	 * a second at most, for what threads of its own still do. Main thread. */
	void (*finish)(void);

	/* NULL, or not with RV_CAP_PEERCRED: nobody knows. The process that connected. 0: it
	 * has no number here. */
	pid_t (*peer_pid)(const void *in, const void *peer);
	/* NULL: they have none. Writes the name that replies to the peer go to, for people;
	 * "" where it has none of its own. */
	void (*peer_name)(const void *in, const void *peer, char *buf, size_t size);
};
