/* Connections that carry messages: SOCK_SEQPACKET. Each reply is a message, too. */
#pragma once

#include <revd/base/connection.h>

struct seqpackets {
	struct rv_connections connections; /* of struct rv_connection */
	unsigned batch;                    /* messages to ask for at once */
	unsigned patience;                 /* before more are asked for */
};

/* As rv_connections_init(). */
int seqpackets_init(struct seqpackets *, const struct rv_host *, struct rv_instance *) MUST_CHECK;
/* A connection begins; it is closed if there is no room for it. */
void seqpacket_start(struct seqpackets *, int fd, struct rv_peer_info *);
