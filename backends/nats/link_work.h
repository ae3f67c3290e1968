/* What the thread of a link does. The link's lock is held between the steps, and not while
 * they block. */
#pragma once

#include "nats/link_state.h"

#define NATS_LINK_FIRST_MS 100u /* between the first tries to connect */

/* Until the instance lets go. The lock is held. */
void nats_link_work(struct nats_link *);
