/* The two queues of an endpoint, /NAME and /NAME.out. Main thread. */
#pragma once

#include "mqueue/queue.h"

struct mqueue_endpoint {
	bool live; /* the descriptors are ours */
	bool adopted;
	struct mqueue_queue in, out;
	uint64_t max_peers; /* atomic: changed by a reload while the instance runs */
};

/* rv_backend_ops */
int mqueue_open(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *);
int mqueue_reconfigure(void *ep, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
void mqueue_close(void *ep);
