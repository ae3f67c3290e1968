/* The order of reading and judging, for config.h and the tests. */
#pragma once

#include "config/loader.h"

/* config_load() as uid sees it. */
int load_as(uid_t uid, const struct config_source *, const struct config_registry *,
	struct config **ret, struct config_errors *errs) MUST_CHECK;
