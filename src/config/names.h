/* Names of sections and of keys, and what people may have meant by them. */
#pragma once

#include "config/loader.h"

#define NAMES_GLOBAL "revd" /* the section without a NAME */

/* The NAME of [endpoint.NAME], or NULL if the section is another. */
const char *names_endpoint(const struct ini_section *);
const char *names_service(const struct ini_section *);
/* config_is_name(), with a diag if it is none. */
bool names_check(struct loader *, const struct ini_section *, const char *name);

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
bool names_check_keys(
	struct loader *, const struct ini_section *s, const struct keys *, const char *wanted);
/* A diag for each section that is none of ours. */
void names_check_sections(struct loader *);
