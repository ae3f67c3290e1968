/*
 * The inside of the core; nobody above it includes this.
 *
 * core        process-wide: workers, endpoints, services. Main thread.
 * worker      a thread with an event base, the main thread or one of its own; owns
 *             all instances attached to it.
 * endpoint    one configured address; has an instance on each of its workers.
 * rv_instance an endpoint on a worker: peers, counters.
 * peer        40 bytes and the backend's block behind it. What only a peer with
 *             something unfinished needs is in its `extra`.
 * service     one configured service; has a rv_service_worker on each worker.
 *
 * A worker's objects are touched by its thread only. The main thread changes
 * them by sending the worker a command and waiting for it (worker_call). What
 * other threads may read: counters (racy, whole words) under core->lock.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <event2/event.h>
#include "config/config.h"
#include "core/core.h"
#include "proto/splitter.h"
#include "util/hist.h"
#include "util/log.h"
#include "util/macro.h"
#include "util/spin.h"

struct worker;

/* A configuration that endpoints still point into. Main thread. */
struct config_ref {
	struct config *config;
	unsigned refs;
};

struct service {
	struct core *core;
	const struct rv_service_ops *ops;
	struct config_ref *config;
	const struct config_service *cfg;
	void *block;
	void (*lines)(void *svc, void *worker, struct rv_lines *); /* ops->lines, or NULL */
	atomic_uint workers; /* how many still have it attached */
	bool retired;
	struct service *next;
	struct rv_service_worker *on; /* [core->n_workers] */
};

struct rv_service_worker {
	struct service *service;
	struct worker *worker;
	void *block;
	bool attached;
	size_t deferred; /* tickets out */
	struct rv_service_worker *next_retired;
};

struct counters {
	uint64_t requests, replies, rx_bytes, tx_bytes;
	uint64_t status[RV_STATUS_COUNT];
	uint64_t ops[RV_OP_COUNT];
	uint64_t lines, frames, fragments;
	uint64_t peers, peers_total, refused;
	uint64_t pauses;         /* times a peer's input was stopped */
	uint64_t blocked;        /* times the kernel took no more output */
	uint64_t slow_cut;       /* peers ended by slow_timeout */
	uint64_t idle_cut;       /* and by idle_timeout */
	uint64_t torn;           /* pieces skipped on a shared stream */
	uint64_t fragments_lost; /* messages dropped by fragment_timeout */
	uint64_t late;           /* replies whose peer had left */
	uint64_t unaddressed;    /* frames without a usable reply address */
	uint64_t drops[RV_DROP_COUNT];
};

/* What an instance needs of its configuration, copied so that a reload can
 * change it between two turns. Times in ns. */
struct limits {
	size_t max_request, max_inflight;
	uint64_t max_peers, max_peers_per_uid;
	uint64_t idle_ns, slow_ns, fragment_ns, service_ns, spin_ns;
};

struct uid_count {
	uid_t uid;
	uint32_t n;
};

struct endpoint {
	struct core *core;
	const struct rv_backend_ops *ops;
	struct config_ref *config;
	const struct config_endpoint *cfg;
	struct service *service;
	void *block;
	bool is_open, draining;
	bool adopted; /* its descriptors were inherited */
	atomic_bool failed;
	int error; /* of the failure; 0: its work was over */
	uint64_t drain_deadline;
	unsigned first_worker, n_instances; /* instances are on consecutive workers */
	struct rv_instance *instances;      /* [n_instances] */
	atomic_uint drained;                /* instances that said so */
	atomic_ullong peers;                /* over all instances */
	pthread_mutex_t uid_lock;
	struct uid_count *uids;
	size_t n_uids;
	struct endpoint *next;
};

struct peer;

struct rv_instance {
	struct worker *worker;
	struct endpoint *endpoint;
	const struct rv_backend_ops *ops;  /* endpoint->ops */
	const struct config_endpoint *cfg; /* endpoint->cfg, as of the last command */
	void *block;
	bool attached, draining, drained, reported;
	unsigned n_refused; /* peers that wait to be told so */
	struct rv_service_worker *service;
	struct limits limits;
	struct counters n;
	struct hist latency; /* ns, from reading a request to sending its reply */

	size_t stride;                       /* of a peer with its block */
	char **chunks;                       /* of PEER_CHUNK peers each */
	uint32_t n_chunks, free_slot, dying; /* lists by slot + 1; 0 ends */
	struct peer_extra *watched;          /* peers that a timeout may end */
	uint32_t *dirty;                     /* slots with committed output to flush */
	size_t n_dirty, dirty_size;
	struct log_limit log_limit;
	struct rv_instance *next; /* on the worker */
};

#define PEER_CHUNK 64

enum peer_bit {
	PEER_STREAM = RV_PEER_STREAM,
	PEER_SHARED = RV_PEER_SHARED,
	PEER_REPLY_ONLY = RV_PEER_REPLY_ONLY,
	PEER_USED = 1u << 3,
	PEER_GONE = 1u << 4,      /* ended; freed at the end of the turn */
	PEER_CLOSING = 1u << 5,   /* peer_close() was called */
	PEER_EOF = 1u << 6,       /* no more input; ends when all is answered */
	PEER_STOPPED = 1u << 7,   /* the backend does not read from it */
	PEER_BLOCKED = 1u << 8,   /* reserve() said -EAGAIN or the kernel is full */
	PEER_LINE_WAIT = 1u << 9, /* a line is in the service; the next must wait */
	PEER_DIRTY = 1u << 10,
	PEER_BUSY = 1u << 11,      /* its input is being served right now */
	PEER_ACCOUNTED = 1u << 12, /* counted in the endpoint's and uid's totals */
	PEER_POISONED = 1u << 14,  /* its input can't be cut any more: ignored */
	PEER_DEAF = 1u << 13,      /* shared: nobody reads `.out`; replies to lines are dropped */
};

struct peer {
	struct peer_extra *extra; /* NULL: nothing unfinished */
	uint32_t slot, generation;
	uint32_t next; /* slot + 1, in the free or dying list */
	uid_t uid;
	uint32_t inflight;    /* bytes of requests that wait for their reply */
	uint32_t max_message; /* 0: any */
	uint32_t max_line;    /* 0: any */
	uint32_t active_ms;   /* when it last sent something, modulo 2^32 */
	uint16_t bits;
	uint8_t refuse; /* not 0: every request gets this status, then the end */
};

static inline bool peer_is_shared(const struct peer *p)
{
	return p->bits & PEER_SHARED;
}

static inline bool peer_is_gone(const struct peer *p)
{
	return p->bits & (PEER_GONE | PEER_CLOSING);
}

#define PEER_SIZE ((sizeof(struct peer) + 7u) & ~(size_t)7u)

/* Bytes that wait; head..head+len of buf. */
struct fifo {
	uint8_t *buf;
	size_t head, len, size;
};

/* A reply that did not fit the transport yet. */
struct held {
	struct held *next;
	size_t len, sent; /* payload bytes */
	uint32_t request; /* bytes of the request, in peer->inflight until sent */
	uint32_t tag;
	uint64_t id;
	uint8_t status;
	bool frame; /* else payload is the whole line, terminator and all */
	uint8_t payload[];
};

/* A message of which fragments are missing. */
struct partial {
	struct partial *next;
	uint64_t id, last_ns;
	uint8_t op;
	bool discard; /* a marker: it was refused or is late; swallow the rest */
	bool late;    /* and nobody has been told yet */
	size_t len, size;
	uint8_t *data;
};

struct peer_extra {
	struct peer *peer;
	struct peer_extra **watch_at, *watch_next; /* watch_at NULL: not watched */
	struct splitter splitter;
	struct fifo in;    /* stream: bytes not served yet */
	struct fifo queue; /* messages, or lines of a shared peer, not served yet */
	struct held *held, **held_end;
	size_t held_bytes;
	struct partial *partials;
	uint64_t lossy_ns; /* when a refused message could not be remembered: no new
			    * one can be told from its rest for a while; 0: never */
	size_t n_partials, n_markers, partial_bytes; /* partials: both kinds in one list */
	uint64_t blocked_ns; /* since when no output moved; 0: not blocked */
	uint64_t input_ns;   /* when the incomplete input last grew; 0: none */
	uint64_t stalled_ns; /* shared: since when its input is held up by `.out`; 0: not */
};

/* A request that the service answers later. */
struct ticket {
	uint32_t generation, next; /* next: index + 1 in the free list */
	bool used, line;
	struct rv_instance *in;
	struct rv_service_worker *service;
	uint32_t slot, peer_generation;
	uint32_t tag, bytes;
	uint8_t term;
	uint64_t id, start_ns, deadline_ns;
};

struct command {
	void (*run)(struct worker *, void *arg);
	void *arg;
	bool done;
	struct command *next;
};

struct worker {
	struct core *core;
	unsigned index;
	bool is_main; /* it is the main thread, and its base is core->base */
	pthread_t thread;
	bool started;
	struct event_base *base;
	struct event *wake, *tick;
	int wake_fd;
	bool stop, tick_on;
	uint64_t now_ns;    /* 0: not read in this turn */
	uint64_t spin_ns;   /* the longest of its instances; 0: sleep at once */
	uint64_t served_ns; /* when input was last served */
	struct spinner spinner;
	struct rv_instance *instances;
	struct rv_service_worker *retired; /* services with deferred replies still out */
	struct ticket *tickets;
	uint32_t n_tickets, free_ticket, used_tickets;
	bool in_call;     /* a service is being called: it must not complete() */
	uint8_t *scratch; /* replies that do not fit the transport's memory */
	size_t scratch_size;
	pthread_mutex_t lock; /* commands */
	pthread_cond_t cond;
	struct command *commands, **commands_end;
	atomic_uint beats;   /* turns begun by a wake-up: proof of life */
	unsigned beats_seen; /* main thread: at the last core_alive() */
	bool pinged;
};

struct core {
	struct event_base *base; /* of the main thread */
	const struct core_events *events;
	void *events_ctx;
	struct event *notify, *drain_timer;
	int notify_fd;
	unsigned n_workers, next_worker;
	struct worker *workers;
	pthread_rwlock_t lock; /* endpoints and their instances, for readers elsewhere */
	struct endpoint *endpoints;
	struct service *services;
	struct config_ref *config;
	bool stopping;
	uint64_t start_ns;
};

/* worker.c */
/* NULL: no memory. */
struct event_base *worker_base_new(void);
/* The worker that is the main thread; worker_run() makes it serve. */
int worker_start_main(struct worker *, struct core *) MUST_CHECK;
/* Serves until it is to stop, or until event_base_loopbreak(). */
void worker_run(struct worker *);
int worker_start(struct worker *, struct core *, unsigned index) MUST_CHECK;
void worker_stop(struct worker *);
/* Runs fn on the worker and waits for it: at once if that is the main thread, whose
 * call this is. */
void worker_call(struct worker *, void (*fn)(struct worker *, void *arg), void *arg);
/* Makes it take a turn; beats counts it. */
void worker_ping(struct worker *);
/* The time, read once a turn. */
uint64_t worker_now(struct worker *);
/* A timeout has begun to matter: see tick.c. */
void worker_want_tick(struct worker *);
/* Its instances, or their limits, have changed. */
void worker_update_spin(struct worker *);
uint8_t *worker_scratch(struct worker *, size_t n);

/* core.c; all but core_notify() for the main thread */
void core_notify(struct core *);
struct endpoint *core_find_endpoint(struct core *, const char *name);
/* Opens an endpoint without serving it yet, so that all can be opened before the
 * first request is taken. */
int core_open_one(struct core *, struct config_ref *, const struct config_endpoint *,
	const struct core_fds *inherited, struct endpoint **ret, struct rv_err *) MUST_CHECK;
/* Attaches all that is open and not yet attached. */
int core_attach_new(struct core *, struct rv_err *) MUST_CHECK;
void core_remove_endpoint(struct core *, struct endpoint *);
/* NULL: no memory; the configuration is destroyed then. */
struct config_ref *core_take_config(struct config *);
void core_arm_drain_timer(struct core *);

/* service.c */
struct service *service_get(
	struct core *, struct config_ref *, const struct config_service *, struct rv_err *);
void service_retire_unused(struct core *);
void service_collect(struct core *);
/* Detaches retired services whose last deferred reply is gone. */
void service_turn_end(struct worker *);
struct config_ref *config_ref(struct config_ref *);
void config_unref(struct config_ref *);
DEFINE_CLEANUP(struct config_ref *, config_unref);

/* endpoint.c */
int endpoint_open(struct core *, struct config_ref *, const struct config_endpoint *,
	const int *fds, size_t n_fds, struct endpoint **ret, struct rv_err *) MUST_CHECK;
int endpoint_attach(struct endpoint *, struct rv_err *) MUST_CHECK;
int endpoint_reconfigure(struct endpoint *, struct config_ref *, const struct config_endpoint *,
	struct rv_err *) MUST_CHECK;
void endpoint_drain(struct endpoint *, uint64_t deadline_ns);
bool endpoint_is_drained(const struct endpoint *);
void endpoint_destroy(struct endpoint *);
/* Admission, from any worker: 0, -EUSERS (max_peers), -EDQUOT (the user's own). */
int endpoint_admit(struct endpoint *, uid_t uid, uint64_t max_peers, uint64_t per_uid);
void endpoint_leave(struct endpoint *, uid_t uid);

/* instance.c */
extern const struct rv_host instance_host;
void instance_log(struct rv_instance *, int prio, const char *fmt, ...) PRINTF(3, 4);
/* Frees the peers that ended; says drained() if that was the last thing. */
void instance_turn_end(struct rv_instance *);
void instance_check_drained(struct rv_instance *);

/* peer.c */
int peer_create(struct rv_instance *, struct peer **ret) MUST_CHECK;
void peer_gone(struct rv_instance *, struct peer *);
void peers_free_dying(struct rv_instance *);
void peers_finish(struct rv_instance *);
struct peer *peer_find(struct rv_instance *, uint32_t slot, uint32_t generation);
/* The peer's extra, made if need be. NULL: no memory. */
struct peer_extra *peer_extra(struct peer *);
/* Frees the extra if nothing is in it any more. */
void peer_extra_trim(struct rv_instance *, struct peer *);
void peer_watch(struct rv_instance *, struct peer *);
void peer_unwatch(struct peer_extra *);
struct peer *peer_at(struct rv_instance *, uint32_t slot);

/* May the next request of a dedicated peer be served? */
static inline bool peer_can_serve(const struct rv_instance *in, const struct peer *p)
{
	return !(p->bits & (PEER_GONE | PEER_CLOSING | PEER_BLOCKED | PEER_LINE_WAIT)) &&
	       p->inflight <= in->limits.max_inflight && !(p->extra && p->extra->held);
}

/* May the next line be served? On a shared peer other things may always. */
static inline bool peer_can_serve_line(const struct peer *p)
{
	return !(p->bits & (PEER_BLOCKED | PEER_LINE_WAIT)) && !(p->extra && p->extra->held);
}

/* Counters have one writer and are read from other threads: whole words. */
static inline void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void *peer_block(struct peer *p)
{
	return (char *)p + PEER_SIZE;
}

static inline struct peer *peer_of(const void *block)
{
	return (struct peer *)(void *)((char *)(uintptr_t)block - PEER_SIZE);
}

int fifo_put(struct fifo *, const void *p, size_t n) MUST_CHECK;
void fifo_take(struct fifo *, size_t n);
void fifo_free(struct fifo *);

/* reply.c */
struct batch {
	struct rv_instance *in;
	struct peer *source;
	struct peer *out; /* whose reservation is open; NULL: none */
	struct rv_room room;
	size_t used;
	bool filled; /* a reply (perhaps empty) is in it */
	uint32_t tag;
	uint64_t answered, start_ns;
};

/* One request on its way to its reply. */
struct request {
	struct batch *batch;
	struct peer *peer; /* whom to answer */
	bool line;
	uint8_t term, op;
	uint64_t id;
	uint32_t tag;
	uint32_t bytes; /* what it counts for in inflight */
};

void batch_begin(struct batch *, struct rv_instance *, struct peer *source);
/* Opens (or keeps) a reservation with at least min bytes left. 0, -EAGAIN (hold the
 * reply) or what ended the peer. */
int batch_reserve(struct batch *, struct peer *, size_t min) MUST_CHECK;
/* Commits what is written and flushes all peers that got something. */
void batch_finish(struct batch *);
void reply_status(struct request *, enum rv_status, const char *fmt, ...) PRINTF(3, 4);
/* data may be anywhere; it is copied. */
void reply_data(struct request *, unsigned status, const uint8_t *data, size_t n);
/* Calls the service; the fast path of it all. */
void reply_call(struct request *, const uint8_t *data, size_t n);
/* rv_service_host's room and defer. */
uint8_t *reply_room(struct rv_reply *, size_t n);
rv_ticket reply_defer(struct rv_reply *);
/* Sends what is held. False: still something left. */
bool held_pump(struct batch *, struct peer *);
void held_free(struct rv_instance *, struct peer *);

/* serve.c */
/* The backend may read from a stopped peer again. */
void peer_resume(struct rv_instance *, struct peer *);
/* One whole message. again: it has waited in the queue. */
void serve_message(
	struct batch *, struct peer *, const uint8_t *data, size_t n, uint32_t tag, bool again);

/* lines.c */
/* Lines in the bytes that are being cut: see lines_serve(). Zero to begin with. */
struct run {
	size_t end;    /* offset behind the last whole line of the run */
	size_t looked; /* offset up to which it is known where runs end */
};

/* May runs of lines of this peer be served at once? */
bool lines_fit(const struct rv_instance *, const struct peer *);
/* Answers as many of the lines at data + off, of n bytes altogether, as the service
 * takes at once; at off a line must begin. Returns their bytes. */
size_t lines_serve(
	struct batch *, struct peer *, struct run *, const uint8_t *data, size_t off, size_t n);
/* Puts all the lines of the run aside, for a shared peer that can't be served now. */
size_t lines_queue(
	struct batch *, struct peer *, struct run *, const uint8_t *data, size_t off, size_t n);

/* queue.c */
/* Puts a message of a dedicated peer aside. */
void queue_message(
	struct rv_instance *, struct peer *, const uint8_t *data, size_t n, uint32_t tag);
/* Puts lines of a shared peer aside (a message: one), or drops them if nobody reads replies. */
void queue_lines(struct rv_instance *, struct peer *, const uint8_t *data, size_t n, uint32_t tag);
/* Nobody will take the replies to what waits. */
void queue_drop(struct rv_instance *, struct peer *);
/* Serves what waits, as far as may be. */
void queue_serve(struct batch *, struct peer *);

/* request.c */
/* Serves one line or frame of the peer's input; SPLIT_MORE is nothing. */
void request_serve(struct batch *, struct peer *, struct split_piece *, uint32_t tag);

/* serve.c */
enum rv_next serve_bytes(
	struct rv_instance *, struct peer *, const uint8_t *p, size_t n, bool whole);
enum rv_next serve_messages(struct rv_instance *, struct peer *, const struct rv_msg *, size_t n);
/* Goes on with what waits after a block, a line or a limit has gone away. */
void serve_more(struct rv_instance *, struct peer *);
void serve_eof(struct rv_instance *, struct peer *);

/* join.c */
enum join_result {
	JOIN_WAIT,      /* more fragments to come */
	JOIN_DONE,      /* *ret_done is the message, freed by the caller; NULL: p is all of it */
	JOIN_LATE,      /* the fragments before it were dropped by fragment_timeout */
	JOIN_MALFORMED, /* its fragments name different operations */
	JOIN_TOO_LARGE, /* *ret_total: bytes so far */
	JOIN_BUSY,
	JOIN_NO_MEMORY,
};

/* A fragment, or the last one of a message, or a message in one piece. After a
 * refusal the rest of the message is discarded by itself. */
enum join_result join_add(struct rv_instance *, struct peer *, const struct rv_frame *,
	const uint8_t *p, size_t n, struct partial **ret_done, size_t *ret_total);
/* True if the frame belongs to a message that was refused before: it is gone. */
bool join_swallow(struct rv_instance *, struct peer *, const struct rv_frame *);
/* An error was answered to a fragment: the rest of its message is discarded. */
void join_discard(struct rv_instance *, struct peer *, const struct rv_frame *);
void partial_free(struct partial *);
void join_free(struct peer_extra *);
/* Drops messages whose next fragment is late; returns how many. */
size_t join_expire(struct peer_extra *, uint64_t now_ns, uint64_t timeout_ns);

/* defer.c */
extern const struct rv_service_host defer_host;
struct ticket *ticket_create(struct request *, rv_ticket *ret);
void tickets_drop(struct worker *, const struct rv_instance *);
void tickets_expire(struct worker *, uint64_t now_ns);

/* tick.c */
void tick_run(struct worker *);
bool tick_needed(const struct worker *);

/* stats.c */
int stats_json(struct core *, char **ret, size_t *ret_n) MUST_CHECK;
int info_json(const struct rv_instance *, char **ret, size_t *ret_n) MUST_CHECK;
