/* What the sandbox of a unit hides from clients without an error: names that only the daemon itself
 * can see. */
#pragma once

#include "config/config.h"
#include "daemon/inherited.h"

/* Warns of endpoints whose names nobody else will find, with what the unit needs. Silent where no
 * service manager has started us. */
void sandbox_warn(const struct config *, const struct inherited *);
