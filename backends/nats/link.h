/*
 * The way to the broker: a thread for all that may block, so that a worker never does. It
 * connects (names, TCP, TLS, the greeting), asks whether the broker still answers, and
 * closes. In between a connection is the worker's: the library reads and writes when told
 * to, on the worker, and delivers nothing from threads of its own.
 *
 * Worker's thread, but for what says otherwise.
 */
#pragma once

#include <nats/nats.h>
#include <revd/base/util.h>
#include "nats/link_news.h"

struct nats_link;

/* Takes opts over on success. `fn` is called on the worker with the instance's block, or not
 * at all after nats_link_leave(). 0 or -errno. */
int nats_link_create(natsOptions *opts, const struct rv_host *, struct rv_instance *,
	void (*fn)(void *in, const struct nats_link_news *), struct nats_link **ret) MUST_CHECK;
/* Lets go; what is still to do with the connection (NULL: there is none) goes on in the
 * background, until all of it is sent or for a moment. NULL is fine. */
void nats_link_leave(struct nats_link *, natsConnection *);

/* Makes a connection, now or after a while that grows from one failure to the next. */
void nats_link_connect(struct nats_link *);
/* The connection that was made, and a descriptor of its socket that is ours, to be watched
 * until the connection is dropped: the library closes its own whenever it likes. */
natsConnection *nats_link_take(struct nats_link *, int *ret_fd);
/* Gives back one that ended. */
void nats_link_drop(struct nats_link *, natsConnection *);
/* Asks the broker for a sign of life: NATS_LINK_ANSWER or NATS_LINK_SILENCE follows. */
void nats_link_ask(struct nats_link *, natsConnection *);
/* True if the library has closed the connection. */
bool nats_link_is_closed(const struct nats_link *);
