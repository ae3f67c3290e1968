/* From the URL and the environment to the options of libnats, and from its errors to sentences. */
#pragma once

#include <nats/nats.h>
#include <stdbool.h>
#include "natslink/natslink.h"
#include "util/macro.h"

/* On success the caller owns *ret and *ret_servers: the brokers by one name, for learnt.h.
 * 0, or -errno with the sentence. */
int options_make(const struct natslink_options *, natsOptions **ret, char **ret_servers,
	char why[NATSLINK_WHY]) MUST_CHECK;

/* What a failure to connect means. -errno, with the sentence. */
int options_explain(natsStatus, char why[NATSLINK_WHY]);

/* After a look at a connection that had nothing for us: what receive() returns. */
int options_judge(natsConnection *);

/* libnats prints errors where nobody handles them. */
void natslink_ignore_error(natsConnection *, natsSubscription *, natsStatus, void *closure);
