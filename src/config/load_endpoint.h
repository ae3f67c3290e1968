/* [endpoint.NAME] to struct config_endpoint; after the services. */
#pragma once

#include "config/loader.h"

/* 0 or -ENOMEM. */
int load_endpoints(struct loader *, const char *defaults) MUST_CHECK;
