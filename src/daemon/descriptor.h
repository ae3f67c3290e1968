/* What a descriptor that a supervisor has handed over is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct descriptor {
	int fd;                          /* the daemon's; once it serves, the server's */
	const char *name;                /* that it came with; "": none. Borrowed */
	const char *transport;           /* NULL: none that there is */
	const char *type;                /* uds: "stream" or "seqpacket" */
	const char *kind;                /* for people */
	char address[256];               /* as rv_backend_ops.name_at() writes it; "": unknown */
	struct stat file;                /* at the address; st_ino 0: none, or not to be seen */
	long max_messages, message_size; /* of a queue */
	bool waited_for;                 /* there may be clients that wait for it to be served */
	char endpoint[72];               /* which it is for, see inherited.h; "": none yet */
};

void descriptor_init(struct descriptor *, int fd, const char *name);

/* Is the name not there any more, or another's? Clients can't find it then. */
bool descriptor_is_lost(const struct descriptor *);

/* "inherited descriptor 3, 'NAME' (KIND ADDRESS)", in buf, which it returns. */
#define DESCRIPTOR_SHOWN 320
char *descriptor_show(const struct descriptor *, char *buf, size_t size);
