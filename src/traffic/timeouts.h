/* Timeouts: what is slow, late, idle or torn. */
#pragma once

#include "traffic/instance.h"

/* Looks at all that a timeout may end. Returns true if there is more to look at later. */
bool timeouts_check(struct traffic *);
