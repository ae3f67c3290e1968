/*
 * Reply FIFOs: the names that clients give. Whatever stands behind one, nothing
 * but a FIFO is opened, nothing is made, and no open() waits.
 */
#pragma once

#include <revd/base/util.h>

/* Opens DIR/token for writing. The descriptor, or -errno: -EPERM means it is no
 * FIFO, -ENXIO that nobody reads it. */
int fifo_open_reply(int dir, const char *token, size_t n) MUST_CHECK;

const char *fifo_why_refused(int err);
