/* The list of endpoints. Main thread, but for the notifications. */
#pragma once

#include "server/endpoint.h"

/* Inherited descriptors: fds[i] came under names[i]. An endpoint takes those of
 * its own name; taken[i] is set then. */
struct inherited_fds {
	size_t n;
	const int *fds;
	const char *const *names;
	bool *taken;
	struct predecessor *predecessor; /* NULL: none */
};

/* One that is not draining; NULL: there is none. */
struct endpoint *endpoints_find(const struct endpoints *, const char *name);
struct endpoint *endpoints_find_address(const struct endpoints *, const char *first_name);

/* Opens one and adds it, not served yet. inherited: may be NULL. */
int endpoints_open(struct endpoints *, struct config_ref *, const struct config_endpoint *,
	const struct inherited_fds *inherited, struct endpoint **ret, struct rv_err *) MUST_CHECK;
/* Serves all that are open and not yet served. */
int endpoints_attach(struct endpoints *, struct rv_err *) MUST_CHECK;
void endpoints_remove(struct endpoints *, struct endpoint *);
