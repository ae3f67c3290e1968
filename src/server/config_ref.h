/* A configuration that endpoints and services still point into. Main thread. */
#pragma once

#include "config/config.h"

struct config_ref {
	struct config *config; /* owned */
	unsigned refs;
};

/* Takes the configuration over; destroys it where there is no memory (NULL). */
struct config_ref *config_ref_create(struct config *);
struct config_ref *config_ref(struct config_ref *);
void config_unref(struct config_ref *);
