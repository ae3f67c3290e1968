/* Links through shared memory, <revd/shm.h>: to a daemon, or to a bare server. */
#pragma once

#include "bench/link.h"

extern const struct link_ops link_shm;

/* Takes over the connected socket, and receives the memory from it. 0 or -errno. */
int link_shm_connect(struct link *, int sock) MUST_CHECK;
/* A link to a server that is forked later, and that server's end of it: socket, eventfd
 * and rings. 0 or -errno. */
int link_shm_make(struct link *, uint32_t ring_size, int *ret_sock) MUST_CHECK;
