/* The two queues of an endpoint, /NAME and /NAME.out. Main thread. */
#pragma once

#include <revd/base/handover.h>
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
void mqueue_hand_over(void *ep, struct rv_handover *);
int mqueue_take_over(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_takeover *, struct rv_err *);
