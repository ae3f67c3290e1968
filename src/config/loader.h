/*
 * What a configuration is made with; inside of src/config only.
 *
 * All sections are judged even if one is wrong, so that people see their
 * mistakes at once: what depends on a wrong value is left out instead of
 * being reported a second time.
 */
#pragma once

#include "config/config.h"
#include "config/reader.h"
#include "config/schema.h"

#define LOADER_DEFAULT "(default)" /* where values of no file come from */

struct config_private {
	struct config config;
	struct arena arena; /* owns all of it but this struct */
	struct settings global;
	struct settings *services, *endpoints; /* one for each in config */
};

struct loader {
	struct config_private *priv;
	const struct config_registry *registry;
	struct ini ini;
	struct diags diags;
	struct schema schema;
	void *claims; /* see claims.h */
};
