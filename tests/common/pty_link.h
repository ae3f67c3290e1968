/* A client of a pty endpoint. */
#pragma once

#include "common/client.h"

struct pty_link {
	struct client_link link;
	int fd;
	char rest[4096]; /* of what was sent, n_rest bytes */
	size_t n_rest;
};

/* Opens the terminal that the link at path leads to, and waits until the daemon has taken it. The link is client_open_link()'s; its close() frees all of it. */
struct pty_link *pty_link_open(const char *path);
