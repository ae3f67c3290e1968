/* Which daemons serve a subject of a NATS broker: all are asked, each is a line. */
#pragma once

#include "revc/ask.h"
#include "util/macro.h"

/* Over a session with such a broker. ping: how soon each answers; else what it has served, too.
 * Returns the code to exit with, after a sentence if it is not 0; *ret_n tells how many there
 * are that tell of themselves. */
int daemons_show(struct ask *, bool ping, size_t *ret_n) MUST_CHECK;
