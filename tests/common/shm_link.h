/* A client of an shm endpoint, from <revd/shm.h> alone. */
#pragma once

#include "common/client.h"
#include "librevc/shm_map.h"

struct shm_link {
	struct client_link link;
	struct shm_map map;
	int sock;
	bool ended; /* the daemon has closed the socket */
};

/* Connects, and receives the memory. The link is client_open_link()'s; its close() frees
 * all of it. */
struct shm_link *shm_link_open(const char *path);
