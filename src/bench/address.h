/* Addresses of Unix sockets, and the two ways to open one. */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include "util/macro.h"

struct address {
	struct sockaddr_un un;
	socklen_t len;
};

/* path: a file, or with @ in front an abstract name. 0 or -ENAMETOOLONG. */
int address_set(struct address *ret, const char *path) MUST_CHECK;

/* A new socket of that type, connected or bound. The descriptor or -errno. */
int address_connect(const struct address *, int type) MUST_CHECK;
int address_bind(const struct address *, int type) MUST_CHECK;
