/* What this machine grants: descriptors, queues, pipes. */
#pragma once

#include "revc/snapshot.h"

void doctor_look_at_limits(const struct snapshot *);
