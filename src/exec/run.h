/* The process of one request. */
#pragma once

#include <revd/service.h>
#include "exec/child.h"
#include "exec/errlog.h"
#include "exec/reaper.h"
#include "util/bytes.h"

#define RUN_WHY CHILD_WHY

struct event;
struct run;

/* What all of them share. */
struct run_ground {
	const struct rv_service_host *host;
	struct rv_service_worker *handle;
	const struct program *program;
	struct reaper *reaper;
	void *ctx;
	/* It has an answer, a text or a sentence; and is the callee's to destroy. */
	void (*ended)(void *ctx, struct run *, enum rv_status, const void *data, size_t n);
};

struct run {
	const struct run_ground *ground;
	struct run *next; /* both are the owner's */
	rv_ticket ticket;
	struct child child;
	struct errlog err;
	struct event *readable, *writable, *exited;
	struct bytes in, out; /* of the program */
	size_t max;           /* bytes of its output */
};

/* Starts it. NULL: it can't be, and why. */
struct run *run_create(const struct run_ground *, const struct rv_request *, char why[RUN_WHY]);
void run_destroy(struct run *);
