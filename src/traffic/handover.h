/*
 * What the peers of an instance have unfinished, on its way to the process that goes on
 * with them: input that is not cut yet, fragments, requests that wait, replies that are
 * not sent. What is in a service is not handed over: it is waited for before.
 *
 * The old process has no worker that runs any more.
 */
#pragma once

#include "traffic/instance.h"
#include "util/parcel.h"

struct peer;

/* What a backend has written, with the numbers that its descriptors have in the parcel; and
 * empties it. */
void handover_pack_backend(struct rv_handover *, struct parcel *);
/* The other way round; takeover_finish() in any case. */
void takeover_unpack_backend(struct rv_takeover *, struct parcel_in *, struct rv_unpack *);
/* Closes what was not taken. */
void takeover_finish(struct rv_takeover *);

/* Can peers of such a backend go on in another process? */
bool handover_is_supported(const struct rv_backend_ops *);

/* Packs a peer as a blob; what the backend writes goes by way of scratch, the caller's to free. */
void handover_pack_peer(
	struct rv_instance *, struct peer *, struct rv_handover *scratch, struct parcel *);
/* Packs the peers, one blob each, and their number before. Nothing may be done with the instance
 * after that. */
void handover_pack(struct rv_instance *, struct parcel *);

/* Peers to be taken over by the instances of an endpoint, which share them: each its part. */
struct takeover_peers { /* zero but for the parcel and shares: there are none yet */
	struct parcel_in *parcel;
	struct rv_unpack *blobs; /* of n peers; NULL data: taken */
	size_t n;
	unsigned share, shares; /* each one of that number modulo shares is taken */
	size_t lost;            /* those that could not be */
	bool torn;              /* a shared input may be in the middle of a line or frame */
};

/* Adds a peer, a blob of handover_pack_peer(). 0 or -ENOMEM. */
int takeover_peers_put(struct takeover_peers *, struct rv_unpack) MUST_CHECK;
/* Adds the peers that handover_pack() has written for an instance. 0 or -errno. */
int takeover_peers_add(struct takeover_peers *, struct rv_unpack *) MUST_CHECK;
void takeover_peers_finish(struct takeover_peers *);

/* On the worker, at the end of attach(): peers go on where they were. */
void takeover_unpack(struct rv_instance *, struct takeover_peers *);
