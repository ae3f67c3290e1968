/* Cuts what came into replies, and has each judged. */
#pragma once

#include "load/window.h"
#include "util/bytes.h"

/* Takes the whole replies from the front of `in`, or all of it as one message. parts: a ring of
 * WINDOW, for fragments. False: that is no reply, and what follows can't be told apart. */
bool replies_take(struct window *, struct bytes *parts, struct bytes *in, bool message);
