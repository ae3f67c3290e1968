/* A client: its memory, its socket, which says that it lives, and what is waited for. */
#pragma once

#include <revd/base/handover.h>
#include <sys/queue.h>
#include "shm/memory.h"

struct shm_client;
TAILQ_HEAD(shm_list, shm_client);

/* All of an instance. A client is *hot* while its memory is looked at again and again,
 * by poll(); it need not wake us up then. */
struct shm_clients {
	struct rv_connections connections;
	struct shm_list hot;
	size_t n_hot;
	uint32_t ring_size;
};

struct shm_client {
	struct rv_connection connection; /* its descriptor is the socket */
	struct shm_memory memory;
	struct event wake; /* of the eventfd, edge-triggered: what it counts is never read */
	TAILQ_ENTRY(shm_client) link;
	short waits;   /* EV_READ, EV_WRITE: for requests, for room for replies */
	bool hot;      /* it is in that list */
	bool finished; /* its socket has ended: what lies in the memory is the last */
};

int shm_clients_init(struct shm_clients *, const struct rv_host *, struct rv_instance *,
	uint32_t ring_size) MUST_CHECK;
/* One has connected; the socket is closed if there is no room for it. */
void shm_client_start(struct shm_clients *, int sock, const struct rv_peer_info *);
/* Of the process before; info: as for a new one. 0 or -errno. */
int shm_client_take_over(struct shm_clients *, int sock, const struct rv_peer_info *,
	struct rv_takeover *, struct rv_connection **ret, bool *ret_closing) MUST_CHECK;
/* rv_backend_ops. */
void shm_client_hand_over(void *instance, void *peer, struct rv_handover *);
enum rv_poll shm_clients_poll(void *instance, bool sleep);
