/* What the tests of transport nats begin with: a broker, a daemon behind it whose endpoint
 * `bus` is that transport and `stream` a socket, and a client of the broker. */
#pragma once

#include "common/client.h"
#include "common/nats_broker.h"

#define SUBJECT "revd.reverse"
#define INBOX "_INBOX.test.1" /* what a client has subscribed */

struct nats_rig {
	struct rig rig;
	struct nats_broker broker;
	struct nats_client client;
};

/* The places alone. */
void nats_rig_init(struct nats_rig *);
/* Writes revd.conf: keys of [revd], of the endpoint (url = is the broker's unless they
 * begin with another one), and more sections. */
void nats_rig_configure(
	struct nats_rig *, const char *global, const char *keys, const char *sections);
/* All of it with a broker that runs, a daemon that was started, and a client. */
void nats_rig_start(struct nats_rig *, const char *global, const char *keys, const char *sections);
/* The daemon must end well. */
void nats_rig_finish(struct nats_rig *);

/* Waits until STATS has that state of `bus`, and a reason that says so ("": any). */
void nats_rig_wait_state(const struct nats_rig *, const char *state, const char *says);
int64_t nats_rig_stat(const struct nats_rig *, const char *key);
/* The socket answers, whatever the broker does. */
void nats_rig_expect_local(const struct nats_rig *);
