#include "traffic/service_worker.h"

#include <errno.h>
#include <stdlib.h>

int service_worker_attach(struct rv_service_worker *sw, struct traffic *t, struct rv_err *err)
{
	int r = 0;

	sw->traffic = t;
	sw->block = calloc(1, MAX(sw->ops->worker_size, 1u));
	if (!sw->block) {
		return -ENOMEM;
	}
	if (sw->ops->attach) {
		r = sw->ops->attach(sw->block, sw->service, sw->host, sw, err);
	}
	if (r < 0) {
		free(TAKE_PTR(sw->block));
		return r;
	}
	sw->attached = true;
	return 0;
}

static void detach(struct rv_service_worker *sw)
{
	if (sw->ops->detach) {
		sw->ops->detach(sw->block);
	}
	free(TAKE_PTR(sw->block));
	sw->attached = false;
	sw->detached(sw->owner); /* *sw may be gone now */
}

void service_worker_drain(struct rv_service_worker *sw)
{
	if (sw->attached && !sw->draining && sw->ops->drain) {
		sw->ops->drain(sw->block);
	}
	sw->draining = true;
}

void service_worker_retire(struct rv_service_worker *sw)
{
	if (!sw->attached) {
		return;
	}
	service_worker_drain(sw);
	sw->next_retired = sw->traffic->retired;
	sw->traffic->retired = sw;
	sw->traffic->worker.ending = true;
}

void service_workers_collect(struct traffic *t)
{
	struct rv_service_worker **at = &t->retired;

	while (*at) {
		struct rv_service_worker *sw = *at;

		if (sw->deferred > 0) {
			at = &sw->next_retired;
			continue;
		}
		*at = sw->next_retired;
		detach(sw);
	}
}
