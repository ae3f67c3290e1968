/*
 * What the process before has left: endpoints that go on, with their peers. Main thread.
 */
#pragma once

#include "config/config.h"
#include "traffic/handover.h"

struct legacy { /* of one endpoint */
	const char *name, *transport, *address;
	uint64_t version; /* rv_backend_ops.handover_version */
	struct rv_takeover backend;
	struct takeover_peers peers;
	bool peers_only; /* the endpoint itself is opened anew, and there is no backend */
};

struct predecessor_bytes { /* what peers point into, where it is no parcel */
	struct predecessor_bytes *next;
	size_t first_fd; /* in the parcel's */
	uint8_t data[];
};

struct predecessor { /* zero is none */
	struct parcel_in parcel;
	struct legacy *v;
	size_t n;
	struct predecessor_bytes *bytes;
};

/* Opens the parcel, whose ends are closed. What is wrong with it is logged, and then there is
 * nothing. */
void predecessor_init(struct predecessor *, const int *ends, size_t n);
/* What no endpoint can go on with ends, before any is opened: its names are removed, its
 * connections are closed. */
void predecessor_settle(
	struct predecessor *, const struct config *, const struct config_registry *);
/* What there is for an endpoint; NULL: nothing. */
struct legacy *predecessor_find(struct predecessor *, const struct config_endpoint *);
void predecessor_finish(struct predecessor *);
