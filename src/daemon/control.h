/*
 * A socket by which `revd --reload` finds the process whose id it was told, whatever that serves
 * and whatever has become of its names: an abstract one, with the process id in its name. Only
 * root and the daemon's own user are heard.
 */
#pragma once

#include <event2/util.h>
#include <sys/types.h>
#include <sys/un.h>
#include "util/macro.h"

struct event;
struct event_base;
struct rv_err;

#define CONTROL_DONE '+'   /* what an answer begins with; the sentence is the rest: it was done, */
#define CONTROL_FAILED '-' /* or not */
#define CONTROL_ANSWER 300 /* bytes */

struct control {
	struct event *event; /* NULL: there is none */
	int fd;
	int (*reload)(void *ctx, struct rv_err *); /* 0 or -errno, and the sentence */
	void *ctx;
};

/* Whoever connects wants a reload. What goes wrong is logged: then nobody finds us so. */
void control_start(struct control *, struct event_base *,
	int (*reload)(void *ctx, struct rv_err *), void *ctx);
void control_finish(struct control *);

/* The address of a process's; returns its length. */
socklen_t control_address(pid_t, struct sockaddr_un *ret);
