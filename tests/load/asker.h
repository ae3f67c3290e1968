/* What a client asks: lines or frames, now and then in halves or in fragments with a pause in
 * between. */
#pragma once

#include "load/flow.h"

/* Fills the window, as far as it may be. */
int asker_fill(struct flow *, uint64_t now) MUST_CHECK;
