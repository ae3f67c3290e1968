/* [service.NAME] to struct config_service. What returns int: 0 or -ENOMEM. */
#pragma once

#include "config/loader.h"

int load_services(struct loader *) MUST_CHECK;

/* The service of that name, made with its defaults if no section has made it.
 * NULL with a diag at `at` if there is none, or without one for want of memory. */
const struct config_service *load_find_service(
	struct loader *, const char *name, const struct origin *at);

/* Once there are endpoints: a warning for each section that says something in vain. */
void load_warn_unused_services(struct loader *);
