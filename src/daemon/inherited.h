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
#include "daemon/descriptor.h"
#include "daemon/systemd.h"
#include "util/macro.h"

struct inherited {
	struct systemd_fds given;
	struct descriptor *fds; /* given.n */
	const char **endpoints; /* their names, in the same order */
	int *copies;            /* for a process that takes this one's place; -1: none */
	int state[4];           /* what the process before has left, n_state */
	size_t n_state;
	struct systemd_fds kept; /* connections of a process that has crashed, see keeper.h */
	int starts[4]; /* how often that was, see starts.h */
	size_t n_starts;
	char *sections; /* for config_source.more; NULL: none are needed */
	bool serving;   /* what is assigned is served, and stays where it is */
};

/* Takes over what the environment says. 0, or -errno after an error message. */
int inherited_init(struct inherited *) MUST_CHECK;
void inherited_finish(struct inherited *);

/* The names of those that have one, for config_source.defaults: where the service manager holds
 * names, the built-in default is those. NULL: there are none, or no memory. The caller's. */
char *inherited_list(const struct inherited *);

/* Finds their endpoints in a configuration of the files alone; writes sections for those
 * that have none. 0; -errno: a descriptor that can be neither served nor refused, one that
 * would change hands while it is served, or one that clients can't find any more. */
int inherited_assign(struct inherited *, const struct config *, struct rv_err *) MUST_CHECK;
