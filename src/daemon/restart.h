/*
 * This process is replaced by another one that goes on with its endpoints and connections: by
 * way of the service manager, which keeps them while it starts the next, or by executing the
 * program again, which may be a new one.
 */
#pragma once

#include "daemon/configuration.h"
#include "daemon/trial.h"
#include "server/server.h"

enum restart_way { RESTART_NONE, RESTART_BY_MANAGER, RESTART_BY_EXEC };

struct restart {
	enum restart_way way; /* under way */
	char *program;        /* this one's file; NULL: not known */
	struct configuration *conf;
	struct server *server;
	struct event_base *base;
	struct trial trial;
	void (*in_vain)(void *ctx);
	void *ctx;
};

/* in_vain: nobody would take over from the manager, and this process has to end. */
void restart_init(struct restart *, struct configuration *, struct server *, struct event_base *,
	void (*in_vain)(void *ctx), void *ctx);
void restart_finish(struct restart *);

/* Begins; restart_go() is to be called when the server is quiet. What stands in the way is
 * logged. False: nothing has begun. */
bool restart_begin(struct restart *, enum restart_way);
/* Hands over, and ends the process, with a failure if that fails, which is logged. */
void restart_go(struct restart *) __attribute__((noreturn));
