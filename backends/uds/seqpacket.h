/* Connections that carry messages: SOCK_SEQPACKET. Each reply is a message, too, sent
 * through packets.h. */
#pragma once

#include <revd/base/connection.h>
#include "uds/packets.h"

struct seqpacket {
	struct rv_connection connection;
	struct packets_peer packets;
};

struct seqpackets {
	struct rv_connections connections;
	struct packets packets;
	uint8_t *buf;      /* what is read; one for all connections */
	unsigned batch;    /* messages to ask for at once */
	unsigned patience; /* before more are asked for */
};

int seqpackets_init(struct seqpackets *, const struct rv_host *, struct rv_instance *) MUST_CHECK;
/* A connection begins; it is closed if there is no room for it. */
void seqpacket_start(struct seqpackets *, int fd, struct rv_peer_info *);
/* Ends all of them; fine on zeroed memory. */
void seqpackets_finish(struct seqpackets *);
