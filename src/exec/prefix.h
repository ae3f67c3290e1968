/* Who asks: in front of each text that a co-process gets, or in the environment of the
 * process of a request. */
#pragma once

#include <revd/service.h>
#include "util/macro.h"

#define PREFIX_FIELDS 4
#define PREFIX_SIZE 320 /* bytes of a prefix, and of all variables with their NULs */

struct prefix {
	int fields[PREFIX_FIELDS];
	size_t n;
};

/* "uid gid endpoint transport", some of them in any order. 0 or -EINVAL. */
int prefix_parse(struct prefix *, const char *text) MUST_CHECK;

/* The fields, each with a blank behind it; '-' is what is not known. Returns the bytes. */
size_t prefix_write(const struct prefix *, const struct rv_request *, char buf[PREFIX_SIZE]);

/* REVD_ENDPOINT and so on, of what is known; up to PREFIX_FIELDS pointers into buf.
 * Returns how many. */
size_t prefix_variables(
	const struct rv_request *, char buf[PREFIX_SIZE], char *ret[PREFIX_FIELDS]);
