/* An endpoint of NATS: what is configured, and what a connection needs of it. Main thread,
 * but for what says otherwise. */
#pragma once

#include "nats/options.h"

struct nats_endpoint {
	const struct nats_config *cfg; /* until it is reconfigured: for attach() alone */
	char *name, *subject, *queue;
	uint64_t max_peers, max_pending; /* atomic: changed by a reload while instances run */
	unsigned ready;                  /* atomic: instances that are subscribed */
	struct nats_endpoint *next;      /* of all that are open, the newest first */
};

/* rv_backend_ops */
int nats_open(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *);
int nats_reconfigure(void *ep, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
void nats_close(void *ep);

/* From any thread: is there another endpoint for the same subject and queue group that was
 * opened later and is not subscribed yet? A reload puts one in the place of another so; of
 * two groups each would serve every request. */
bool nats_endpoint_is_replaced(const struct nats_endpoint *);
