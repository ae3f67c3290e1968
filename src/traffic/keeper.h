/*
 * Keeps connections for the process that follows if this one is killed or crashes.
 *
 * Each worker has a bag (util/bag.h), which the service manager holds, with the descriptors of
 * connections that are older than a tick. What a client has sent and this process has read is lost
 * with the process, and its stream out of step; so a connection goes on only if its mark says that
 * nothing was unfinished, and if it is not the one that was being served (marks->serving, which
 * the backend sets).
 *
 * Every descriptor in flight is looked at by the kernel, up to version 6.9 at each close() of any
 * Unix socket of the system: therefore there is a limit.
 */
#pragma once

#include "traffic/instance.h"
#include "util/parcel.h"

#define KEEPER_MAGIC 0x3174706b64766572u /* what a message of a bag begins with */
#define KEEPER_VERSION 1u

/* From now on; limit: connections, at most BAG_SLOTS / 2. Before any peer comes. */
void keeper_start(struct traffic *, const struct keeper_store *, size_t limit);
/* The bag is given up: who goes on gets the connections in another way, or nobody does. */
void keeper_leave(struct traffic *);
void keeper_stop(struct traffic *);

/* A peer has come: is it to be kept some day? */
void keeper_expect(struct rv_instance *);
/* Keeps what has become old enough, and makes a new bag if need be. True: again later. */
bool keeper_tick(struct traffic *);
