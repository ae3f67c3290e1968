/*
 * <revd/service.h>: all that a service, in-tree or not, sees of revd.
 *
 * A service turns the text of a request into the text of a reply. It knows
 * nothing of transports, frames or lines.
 *
 * Memory. The host allocates the config, service and worker blocks (the sizes
 * are in the ops table), zeroed, and frees them. Config strings live until
 * close().
 *
 * Threads. check, open and close come on the main thread; attach, detach and
 * call on the worker whose block they get. A block belongs to one worker, so
 * nothing in it needs a lock. The service block may be read by all of them. With
 * `workers = 1` all of it is one thread, so that clients wait for check, open and close.
 *
 * A reply is written where the transport will send it from:
 *
 *	uint8_t *p = rv_reply_room(reply, n);	// at least n bytes, or NULL
 *	... write up to n bytes at p ...
 *	reply->len = used;
 *	return RV_STATUS_OK;
 *
 * An error is rv_reply_fail(reply, status, "one sentence"), which returns the
 * status. A service that needs longer takes a ticket with reply->host->defer(),
 * returns RV_REPLY_LATER, and answers on the same worker with complete(), in any order:
 * the host sends the replies to lines of one client in the order of the requests. One
 * that has enough to do says pause(); requests then wait with their clients.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <revd/option.h>
#include <revd/wire.h>

struct event_base;

#define REVD_SERVICE_MAGIC 0x52565453u
#define REVD_SERVICE_ABI 2u             /* bumped only when an old service would break */
#define REVD_SERVICE_SYM "revd_service" /* dlsym(): const struct rv_service_ops */

#define RV_REPLY_LATER 0x100 /* what call() returns when complete() will follow */

struct rv_request {
	const uint8_t *data; /* borrowed until call() returns; not terminated */
	size_t len;          /* bytes */
	uid_t uid;           /* vouched for by the kernel, or (uid_t)-1 */
	/* Who is answered: a connection, or a reply name that stays open. Never used
	 * again by this process; gone() tells when it has ended. */
	uint64_t client;
	gid_t gid;             /* as uid, or (gid_t)-1 */
	const char *endpoint;  /* the NAME of [endpoint.NAME], until call() returns */
	const char *transport; /* what `transport =` says */
	size_t max;            /* bytes that a reply may have */
};

struct rv_reply;
struct rv_lines;
struct rv_service_worker; /* the host's handle for one service on one worker */

/* Names a deferred request; never 0, never used again. */
typedef uint64_t rv_ticket;

struct rv_service_host { /* grows at the tail only: test .size first */
	uint32_t size;
	struct event_base *(*event_base)(struct rv_service_worker *);
	/* Slow path of rv_reply_room(). */
	uint8_t *(*room)(struct rv_reply *, size_t n);
	/* Puts the request aside. Its data is not kept: copy what you need. */
	rv_ticket (*defer)(struct rv_reply *);
	/* Answers a deferred request with n bytes (a sentence if status is not
	 * OK). A ticket whose peer left or whose time ran out is a no-op. */
	void (*complete)(
		struct rv_service_worker *, rv_ticket, enum rv_status, const void *data, size_t n);
	/* Give me no more requests, on this worker, until resume(). Requests stay with
	 * their clients, whose input is not read any further. Also from inside call(). */
	void (*pause)(struct rv_service_worker *);
	/* Calls follow at the end of the loop's turn. */
	void (*resume)(struct rv_service_worker *);
	/* prio: syslog's. */
	void (*log)(struct rv_service_worker *, int prio, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));
	/* Answers the next `lines` lines of a run that lines_later() has taken. With
	 * RV_STATUS_OK data is that many replies, each with an LF behind it; else it is
	 * a sentence, with which each of them is answered. complete() answers all that are
	 * left with an error. */
	void (*complete_lines)(struct rv_service_worker *, rv_ticket, size_t lines,
		enum rv_status, const void *data, size_t n);
	/* What is completed between hold(true) and hold(false) is sent together. */
	void (*hold)(struct rv_service_worker *, bool);
	/* `timeout =` of the service, in microseconds. */
	uint64_t (*timeout)(struct rv_service_worker *);
};

struct rv_reply {
	uint8_t *data; /* where the reply goes */
	size_t room;   /* bytes available at data */
	size_t len;    /* bytes used; the service sets it */
	const struct rv_service_host *host;
};

/* At least n bytes for the reply, or NULL if there is no memory (return
 * RV_STATUS_INTERNAL then). A second call drops what the first one gave. */
static inline uint8_t *rv_reply_room(struct rv_reply *r, size_t n)
{
	return n <= r->room ? r->data : r->host->room(r, n);
}

/* Makes the reply an error with a sentence (UTF-8, cut at 255 bytes). Returns status. */
__attribute__((format(printf, 3, 4))) static inline int rv_reply_fail(
	struct rv_reply *r, enum rv_status status, const char *fmt, ...)
{
	uint8_t *p = rv_reply_room(r, 256);
	va_list ap;
	int n;

	r->len = 0;
	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	va_start(ap, fmt);
	n = vsnprintf((char *)p, 256, fmt, ap);
	va_end(ap);
	r->len = n < 0 ? 0 : n < 256 ? (size_t)n : 255;
	return (int)status;
}

/* A run of requests that came as lines over a byte stream, for lines(). */
struct rv_lines {
	const uint8_t *in; /* n bytes, the last of them an LF; without any 0xFF */
	size_t n;
	uint8_t *out; /* room bytes for the replies, all of which may be written to */
	size_t room;
	size_t max; /* bytes that a text may have, of a request or a reply */
	uid_t uid;  /* as in rv_request */
	uint64_t client;
	/* The service sets: */
	size_t taken; /* bytes of `in`: that many lines, from the first on, are answered */
	size_t used;  /* bytes of `out` */
	size_t lines; /* how many these are */
};

struct rv_service_ops { /* grows at the tail only */
	uint32_t magic, abi, size,
		libevent;           /* size: sizeof *this; libevent: LIBEVENT_VERSION_NUMBER */
	const char *name, *version; /* name: what `type =` says */
	size_t config_size, service_size, worker_size;
	const struct rv_option *options;

	/* Of these only call() has to be there; the others may be NULL. */

	/* Judges a configuration without side effects. */
	int (*check)(const void *cfg, struct rv_err *);
	int (*open)(void *svc, const void *cfg, struct rv_err *);
	void (*close)(void *svc);

	int (*attach)(void *worker, void *svc, const struct rv_service_host *,
		struct rv_service_worker *, struct rv_err *);
	void (*detach)(void *worker);

	/* Serves one request. Returns an enum rv_status or RV_REPLY_LATER.
	 * `svc` is the service block, `worker` this worker's. */
	int (*call)(void *svc, void *worker, const struct rv_request *, struct rv_reply *);

	/* Nobody waits for the answer to this ticket any more: its client has left, or
	 * its time ran out. The ticket is void. */
	void (*cancelled)(void *worker, rv_ticket);
	/* A client, as in rv_request, has ended. It may be one that was never served by
	 * this service; not called for those that are there when the service is closed. */
	void (*gone)(void *worker, uint64_t client);
	/* The daemon stops, or a reload has replaced the service: finish what you have.
	 * What is not answered within drain_timeout is answered for you. Few calls, or
	 * none, follow; then detach(). */
	void (*drain)(void *worker);

	/* Serves many requests at once, for services whose work on one is
	 * so little that to be called costs more. Answers lines with lines, each with
	 * the terminator (LF or CR LF) that it came with and in the same order, as
	 * call() would; it stops, perhaps at once, before one that is too long, whose
	 * answer is an error or comes later, or for which there is not enough room:
	 * that is what call() gets next. */
	void (*lines)(void *svc, void *worker, struct rv_lines *);
	/* The same for services that answer later, with host->complete_lines() and in the
	 * order of the lines: all that it takes stands for the one ticket. There is no
	 * memory for replies, and `used` stays 0; the lines end with LF or CR LF, the replies
	 * with LF: it stops before a CR LF, which call() gets. One with lines() has none. */
	void (*lines_later)(void *svc, void *worker, struct rv_lines *, rv_ticket);
};
