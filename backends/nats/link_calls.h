/* What the library calls: it is given a socket of ours to watch, and we note what it wants. */
#pragma once

#include "nats/link_state.h"

natsStatus nats_link_set_callbacks(struct nats_link *);
