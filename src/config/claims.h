/* The names that endpoints take up, each of which only one may have. */
#pragma once

#include "config/loader.h"

/*
 * Fills e->names. Diags at `at`, beginning with key: a name that an endpoint before it
 * has, whatever way it is written, and an address that can't be one. at and key stay
 * as long as the loader. 0 or -ENOMEM.
 */
int claims_add(struct loader *, struct config_endpoint *, const struct origin *at,
	const char *key) MUST_CHECK;
/* A name as it is kept: a file's without symbolic links on the way to it. NULL: no memory. */
const char *claims_resolve(struct arena *, const char *name) MUST_CHECK;
void claims_finish(struct loader *);
