/*
 * Many requests under way, results in the order of the requests.
 *
 * Each request keeps its text until its result is delivered, so it can be sent
 * again: after a lost connection on a new session, after `busy` and `stopping`
 * with growing pauses. All of that ends when for `timeout` nothing was
 * answered. FIFOs and queues don't tell when a daemon dies: when nothing comes
 * for a while, the names are compared with what is open, and an INFO asks a
 * daemon behind the same name whether it is younger than the requests. A broker
 * does not tell either, and has many daemons: there what is late is sent again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <revd/client.h>
#include "revc/late.h"
#include "util/bytes.h"

struct pipeline_result {
	uint64_t tag; /* as pushed */
	uint8_t status;
	const uint8_t *data; /* the reply, or the sentence of an error; borrowed */
	size_t len;
	const uint8_t *request; /* the text that was pushed; borrowed */
	size_t request_len;
	uint64_t ns; /* from its first sending to its reply */
};

/* Takes one result; must not call the pipeline. 0, or -errno to end it all. */
typedef int pipeline_deliver(void *ctx, const struct pipeline_result *);

/* Sleeps before the next attempt to connect. 0, or -errno to give up. */
typedef int pipeline_pause(void *ctx, uint64_t ns);

struct pipeline_slot;

struct pipeline {
	struct revc *s; /* NULL while there is no connection */
	char uri[REVC_URI_MAX];
	char shown[REVC_URI_MAX]; /* the same for people: without a password */
	struct revc_options options;
	uint64_t timeout_ns;
	pipeline_deliver *deliver;
	void *ctx;
	pipeline_pause *pause; /* set by the user; NULL: it just sleeps */
	void *pause_ctx;
	struct revc_err err;

	struct pipeline_slot *slots; /* a ring: head is the oldest, tail where the next goes */
	size_t size;                 /* of the ring, a power of two */
	uint64_t head, tail;
	size_t waiting;    /* slots that are to be sent again */
	struct bytes text; /* of the slots head to tail */
	uint64_t text_base;
	uint64_t id_base; /* slot i travels as id_base + i */

	uint64_t progress_ns; /* when something was answered last, or begun */
	uint64_t pause_ns;    /* between attempts to connect */
	uint64_t look_ns;     /* when to look after a silent daemon */
	uint64_t probe_id;    /* of the INFO under way; 0: none */
	struct late late;     /* behind a broker: what is taken for lost, */
	uint64_t late_ns;     /* and when to look for it */
};

/* Connects. 0, or -errno with err. Finish it only after success. */
int pipeline_init(struct pipeline *, const char *uri, const struct revc_options *,
	pipeline_deliver *, void *ctx, struct revc_err *err) MUST_CHECK;
void pipeline_finish(struct pipeline *);

/* Waits until there is room for it. 0, or -errno with the sentence in p->err
 * (or what deliver() returned), here and below. */
int pipeline_push(
	struct pipeline *, enum rv_op op, uint64_t tag, const void *data, size_t n) MUST_CHECK;

/* Goes on until all are answered. */
int pipeline_drain(struct pipeline *) MUST_CHECK;

/* Goes on until all are answered, or fd can be read: then 1. */
int pipeline_wait(struct pipeline *, int fd) MUST_CHECK;

/* After any failure: gives up what is not answered and the connection, and is ready for
 * others, which begin with another connection. */
void pipeline_forget(struct pipeline *);

static inline bool pipeline_is_idle(const struct pipeline *p)
{
	return p->head == p->tail;
}

/* The connection is lost: gets another one until the timeout and sends again what
 * has no answer. Also for the user of the session's own descriptor. */
int pipeline_recover(struct pipeline *) MUST_CHECK;

/* Explains err (positive) as a failure of the session to receive. Returns -err. */
int pipeline_fail(struct pipeline *, int err);

/* Something was answered, or there is nothing to be answered. */
void pipeline_progress(struct pipeline *);
