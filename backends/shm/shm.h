/* The configuration of an shm endpoint. */
#pragma once

#include <revd/base/listener.h>

struct shm_config {
	struct rv_listener_config listener;
	uint64_t ring_size;
};
