/*
 * Descriptors that a supervisor has handed over, and the endpoints that they are for.
 *
 * Each goes to the endpoint that has its name, or else to the one whose address it
 * has. Others are not simply closed: the supervisor holds the name open, so clients
 * would find it and wait for ever. They become endpoints of the service `refuse`, by
 * way of sections behind those of the files: a reload turns the one into the other.
 */
#pragma once

#include <stddef.h>
#include "config/config.h"
#include "daemon/systemd.h"
#include "util/macro.h"

/* What a descriptor is. */
struct inherited_fd {
	int fd;                          /* the daemon's; once it serves, the server's */
	const char *transport;           /* NULL: none that there is */
	const char *type;                /* uds: "stream" or "seqpacket" */
	const char *kind;                /* for people */
	char address[256];               /* as rv_backend_ops.name_at() writes it; "": unknown */
	long max_messages, message_size; /* of a queue */
	char endpoint[72];               /* which it is for; "": none */
	bool waited_for;                 /* there may be clients that wait for it to be served */
};

struct inherited {
	struct systemd_fds given;
	struct inherited_fd *fds; /* given.n */
	const char **endpoints;   /* their names, in the same order */
	char *sections;           /* for config_source.more; NULL: none are needed */
	bool serving;             /* what is assigned is served, and stays where it is */
};

/* Takes over what the environment says. 0, or -errno after an error message. */
int inherited_init(struct inherited *) MUST_CHECK;
void inherited_finish(struct inherited *);

/* Finds their endpoints in a configuration of the files alone; writes sections for those
 * that have none. 0; -errno after an error message: a descriptor that can be neither
 * served nor refused, or one that would change hands while it is served. */
int inherited_assign(struct inherited *, const struct config *) MUST_CHECK;
