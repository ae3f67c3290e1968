/*
 * From sections to a struct config; inside of src/config only.
 *
 * All sections are judged even if one is wrong, so that people see their
 * mistakes at once: what depends on a wrong value is left out instead of
 * being reported a second time.
 */
#pragma once

#include "config/config.h"
#include "config/reader.h"
#include "config/schema.h"

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
};

/* config_load() as uid sees it. */
int load_as(uid_t uid, const struct config_source *, const struct config_registry *,
	struct config **ret, struct config_errors *errs) MUST_CHECK;

#define LOAD_GLOBAL "revd" /* the name of the section without a NAME */

/* The NAME of [endpoint.NAME], or NULL if the section is another. */
const char *load_endpoint_name(const struct ini_section *);
const char *load_service_name(const struct ini_section *);
/* 1 to 64 of A-Z a-z 0-9 _ . - without a dot in front; else a diag. */
bool load_check_name(struct loader *, const struct ini_section *, const char *name);

/* The keys that a section may have. */
struct keys {
	const struct rv_option *common, *own; /* own: the transport's or the service's */
	const char *kind, *name;              /* "transport", "uds"; NULL: neither */
	/* Who else has this key ("transport fifo"), or NULL; may be NULL itself.
	 * Without a name, a key that somebody has is fine. */
	const char *(*owner)(struct loader *, const char *key);
};

/* A diag for each unknown key (s may be NULL). True if one of them looks like
 * `wanted` (may be NULL). */
bool load_check_keys(
	struct loader *, const struct ini_section *s, const struct keys *, const char *wanted);
/* A diag for each section that is none of ours. */
void load_check_sections(struct loader *);

/* The rest returns 0 or -ENOMEM; mistakes go to the diags. */

/* Room for the rows of two tables. */
int load_settings(struct loader *, struct settings *, const struct rv_option *a,
	const struct rv_option *b) MUST_CHECK;
int load_services(struct loader *) MUST_CHECK;
/* Once there are endpoints: a warning for each section that says something in vain. */
void load_warn_unused_services(struct loader *);
int load_endpoints(struct loader *) MUST_CHECK;

/* The service of that name, made with its defaults if no section has made it.
 * NULL with a diag at `at` if there is none, or without one for want of memory. */
const struct config_service *load_find_service(
	struct loader *, const char *name, const struct origin *at);
