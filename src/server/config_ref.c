#include "server/config_ref.h"

#include <stdlib.h>

struct config_ref *config_ref_create(struct config *config)
{
	struct config_ref *r = calloc(1, sizeof(*r));

	if (!r) {
		config_destroy(config);
		return NULL;
	}
	r->config = config;
	r->refs = 1;
	return r;
}

struct config_ref *config_ref(struct config_ref *r)
{
	r->refs++;
	return r;
}

void config_unref(struct config_ref *r)
{
	if (--r->refs == 0) {
		config_destroy(r->config);
		free(r);
	}
}
