/*
 * <revd/client.h>: librevc, a client of revd on every transport.
 *
 * One struct revc is a session with one endpoint, the same to its user whether
 * a Unix socket, shared memory, a FIFO, a message queue, a terminal or a NATS
 * broker carries it. Requests are put into
 * a batch, a flush sends the batch, replies are received one by one:
 *
 *	revc_open("fifo:/run/revd/revd.fifo", NULL, &s, &err)
 *	revc_submit(s, RV_OP_CALL, 1, "hola", 4)
 *	revc_submit(s, RV_OP_CALL, 2, "mundo", 5)
 *	revc_flush(s)
 *	revc_receive(s, deadline, &reply)	... in any order: see reply.id
 *
 * No call but revc_open(), revc_receive() and revc_call() waits, and these wait
 * for both directions at once, so that a client can't lock itself up with a
 * daemon that wants to be read before it reads. How much should be under way
 * is for the caller to decide, with revc_limits() as advice.
 *
 * Threads: a session belongs to one thread at a time. Signals: no handler is
 * installed; SIGPIPE may be raised by FIFOs, so ignore it.
 *
 * Errors: 0 or -errno. -ECONNRESET, -EPIPE, -ENOTCONN: the daemon has left; requests
 * without a reply may be sent again on a new session, since they are idempotent.
 * The format of the messages is in revd-protocol(7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/wire.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REVC_API __attribute__((visibility("default")))
#define REVC_CHECK __attribute__((warn_unused_result))

#define REVC_URI_MAX 256                   /* bytes of an endpoint's URI, its NUL included */
#define REVC_TIMEOUT_US UINT64_C(10000000) /* what 0 means for revc_options.timeout_us */

#define REVC_SPIN_US UINT64_C(50) /* and for spin_us, which may be REVC_NEVER too */
#define REVC_NEVER UINT64_MAX

/* A failure, as a program reports it. */
struct revc_err {
	int err;        /* a positive errno */
	int exit_code;  /* sysexits.h: 64 usage, 69 nobody serves there, 75 try later, 77 not
			   permitted */
	char text[384]; /* "uds:/run/x: nobody serves there (is revd running?)", no newline */
};

/* All fields may be 0, which means the default. */
struct revc_options {
	uint64_t timeout_us; /* how long revc_open() tries */
	/* How long a receive may look for a reply that is due before it sleeps, default
	 * 50; it does so only while replies do come so soon. REVC_NEVER: at once. */
	uint64_t spin_us;
	uint32_t mq_depth; /* messages that the reply queue holds, default 10 */
	uint32_t mq_size;  /* bytes of each, header included, default 1088 */
};

struct revc_reply {
	uint64_t id;
	uint8_t status;      /* enum rv_status */
	const uint8_t *data; /* not terminated; borrowed until the next receive */
	size_t len;
};

/* What keeps the endpoint busy without ever making the daemon wait for us. */
struct revc_limits {
	bool stream;        /* bytes, not messages: lines may be sent in bulk through revc_fd() */
	size_t message_max; /* bytes of the largest frame; larger requests travel in fragments */
	size_t inflight_bytes; /* requests without a reply, headers included */
	size_t inflight_max;   /* their number */
};

struct revc;

/* A URI is uds:PATH (stream or seqpacket is found out), uds:@NAME (abstract), shm:PATH,
 * shm:@NAME, fifo:PATH, mqueue:/NAME, pty:PATH or nats://HOST:PORT/SUBJECT (tls:// for TLS;
 * USER:PASSWORD@ before HOST, several separated by commas). True if uri is one; else a
 * sentence goes to err. */
REVC_API bool revc_uri_check(const char *uri, struct revc_err *err);

/* The default endpoint: $REVD_ENDPOINT, else the first of /run/revd/revd.sock
 * and $XDG_RUNTIME_DIR/revd/revd.sock that exists, else the first of them. Returns buf. */
REVC_API char *revc_uri_default(char buf[REVC_URI_MAX]);

/* options may be NULL. On success *ret is the caller's, for revc_close(). A
 * socket with a full backlog is tried again until the timeout. */
REVC_API REVC_CHECK int revc_open(const char *uri, const struct revc_options *options,
	struct revc **ret, struct revc_err *err);
/* Drops what is not sent, removes the session's reply name. NULL is fine. */
REVC_API void revc_close(struct revc *);

/* For people: as opened, but for passwords. */
REVC_API const char *revc_uri(const struct revc *);
/* "uds stream", "uds seqpacket", "shm", "fifo", "mqueue", "pty" or "nats". */
REVC_API const char *revc_transport(const struct revc *);
REVC_API void revc_limits(const struct revc *, struct revc_limits *ret);

/* Adds a request to the batch, cut into fragments where the transport wants it.
 * The data is copied. id: unique among the requests without a reply; revc_id()
 * gives one that no earlier session has used. Over NATS a request may get lost with a daemon:
 * it may be submitted again under its id. -ENOMEM, -EMSGSIZE (over 4 GiB, over NATS more than
 * a message of the broker takes), -EILSEQ
 * (over a FIFO: bytes that may not be in a frame there, see revd-protocol(7)): then
 * nothing was added, and the session goes on. */
REVC_API REVC_CHECK int revc_submit(
	struct revc *, enum rv_op op, uint64_t id, const void *data, size_t n);
/* Counts up from a random 64-bit start. */
REVC_API uint64_t revc_id(struct revc *);

/* Sends as much of the batch as the kernel takes now; revc_receive() goes on
 * with the rest. 0 even if something is left: see revc_unsent(). */
REVC_API REVC_CHECK int revc_flush(struct revc *);
REVC_API size_t revc_unsent(const struct revc *); /* bytes */

#define REVC_NOW UINT64_C(1) /* a deadline: take what is there, never sleep */

/* The next whole reply. deadline_ns: CLOCK_MONOTONIC; 0: wait for ever. -ETIMEDOUT,
 * or an error after which the session is of no more use; revc_error() has the
 * sentence. */
REVC_API REVC_CHECK int revc_receive(struct revc *, uint64_t deadline_ns, struct revc_reply *ret);

/* submit, flush, receive, for a session with nothing else under way. */
REVC_API REVC_CHECK int revc_call(struct revc *, enum rv_op op, const void *data, size_t n,
	uint64_t deadline_ns, struct revc_reply *ret);

/* Explains the last error of the session. */
REVC_API void revc_error(const struct revc *, struct revc_err *ret);

/* What to poll: replies come in at revc_fd(), requests go out at revc_out_fd()
 * (the same descriptor for sockets and shared memory). Borrowed. While no frame is under
 * way a stream socket may be used directly, for lines. It is polled after a flush, or after
 * a receive until REVC_NOW that found nothing; with shared memory a reply is not told at
 * another time, and what is unsent goes out when the descriptor becomes readable. */
REVC_API int revc_fd(const struct revc *);
REVC_API int revc_out_fd(const struct revc *);

/* 0 if the address still leads to where this session is connected, else
 * -ENOTCONN: a FIFO or queue was removed, replaced, or has lost its reader. */
REVC_API int revc_verify(const struct revc *);

/* Removes the session's reply name, and nothing else. Async-signal-safe: for the
 * handlers of deadly signals. revc_close() is still to be called if the program lives. */
REVC_API void revc_unlink_reply(const struct revc *);

#ifdef __cplusplus
}
#endif
