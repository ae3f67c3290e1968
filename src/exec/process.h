/*
 * A co-process: it is given requests and prints answers for as long as it lives. What it
 * is given is written at once if it can be, all that has come together in one piece.
 */
#pragma once

#include "exec/answers.h"
#include "exec/child.h"
#include "exec/errlog.h"
#include "exec/reaper.h"

#define PROCESS_BUFFER ((size_t)64 << 10)
#define PROCESS_WHY CHILD_WHY
#define PROCESS_FIRST 16u           /* requests that one gets whose speed is not known */
#define PROCESS_MOST (32u << 10)    /* and the fastest */

struct event;
struct process;

/* What all processes of a service on a worker share. */
struct process_ground {
	const struct rv_service_host *host;
	struct rv_service_worker *handle;
	struct event_base *base;
	const struct program *program;
	bool frames, terminal;
	uint8_t *buffer; /* PROCESS_BUFFER bytes that are read into */
	struct reaper *reaper;
	void *ctx; /* of these: */
	/* It has taken or answered something. */
	void (*progress)(void *ctx);
	/* It has ended, why: in a sentence. orderly: by itself, after work well done. The
	 * requests in it are the callee's to answer, and the process to destroy. */
	void (*ended)(void *ctx, struct process *, const char *why, bool orderly);
};

struct process {
	const struct process_ground *ground;
	struct child child;
	struct errlog err;
	struct event *readable, *writable, *exited;
	struct bytes out; /* for it, and not written yet */
	uint64_t queued;  /* bytes that it was given, `out` included */
	uint8_t last;     /* the byte that was written last */
	struct flights flights;
	struct answers answers;
	size_t lines;     /* requests in it, */
	size_t most;      /* and how many that should be at most */
	size_t answered;
	size_t look;      /* how many that are when `most` is adapted */
	uint64_t heard;   /* when it last printed something, or was given something to do; ns */
	bool watched;     /* it is waited for until it takes more */
	bool reading;     /* its answers are being read */
	bool ending;      /* it takes no more */
};

/* NULL: it can't be started, and why. max: bytes of an answer. */
struct process *process_create(
	const struct process_ground *, size_t max, char why[PROCESS_WHY]);
void process_destroy(struct process *);

/* A request, text of n bytes behind `prefix`. 0 or -ENOMEM. */
int process_ask(struct process *, rv_ticket, const void *prefix, size_t prefix_n,
	const void *text, size_t n) MUST_CHECK;
/* Many of them, as lines; likewise. */
int process_ask_run(
	struct process *, rv_ticket, size_t lines, const void *data, size_t n) MUST_CHECK;
/* Writes what it was given, as far as it takes it. It may end inside. */
void process_write(struct process *);
/* Has it printed something that nobody asked for? Then it ends inside: false. */
bool process_is_quiet(struct process *);
/* It must end: ground->ended() follows from inside. */
void process_fail(struct process *, const char *why);
/* Hands what it was given and of which nothing was written to another one. */
void process_hand_over(struct process *, struct process *to);
/* Answers all that is in it with a sentence: the first one with that status, the others as
 * internal errors. Requests may come from inside, but not to it. */
void process_lose(struct process *, enum rv_status, const char *why);
