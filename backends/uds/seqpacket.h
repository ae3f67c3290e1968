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
/* Makes a connection ready for rv_connection_start(), and says what it takes. */
void seqpacket_prepare(int fd, struct rv_peer_info *);
