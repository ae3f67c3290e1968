/*
 * What the process that comes next gets of this server: endpoints with their descriptors,
 * peers with what they have unfinished. Main thread.
 */
#pragma once

#include "server/endpoints.h"

/* Can the endpoint go on in another process? Others are drained before. */
bool successor_can_have(const struct endpoint *);

/* Packs all that can; the workers have halted, and nothing may be done with the endpoints after
 * that: their names are the successor's. */
void successor_pack(const struct endpoints *, struct parcel *);
