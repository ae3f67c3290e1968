/* The text of a value to its type, with the sentence that says what is wrong. */
#pragma once

#include <revd/option.h>
#include "config/arena.h"

#define PARSE_WHY 512

/*
 * Writes the value that text means to field. An empty text is the value of an
 * unset key: 0, no, "", -1 or an empty list. 0; -ENOMEM; -EINVAL with the reason
 * in why[PARSE_WHY] and the field untouched.
 */
int parse_option(struct arena *, const struct rv_option *, const char *text, void *field,
	char *why) MUST_CHECK;
