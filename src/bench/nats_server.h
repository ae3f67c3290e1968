/* The broker between client and server, where the transport needs one: nats-server, private,
 * on a port of 127.0.0.1 that is free. */
#pragma once

#include "bench/proc.h"

struct nats_server {
	struct proc proc;
	char url[48];  /* "nats://127.0.0.1:PORT" */
	char dir[112]; /* where it says that port; "" if it does not run */
};

/* parent: an existing private directory. 0, or -errno with a sentence. */
int nats_server_start(struct nats_server *, const char *parent, struct rv_err *) MUST_CHECK;
/* Fine when it does not run. */
void nats_server_stop(struct nats_server *);
