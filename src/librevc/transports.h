/* The transports that there are. */
#pragma once

#include "librevc/session.h"

extern const struct transport transport_uds, transport_shm, transport_fifo, transport_mqueue,
	transport_pty, transport_nats;
