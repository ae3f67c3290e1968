/* Configurations that tests hold in strings. */
#pragma once

#include "config/config.h"

#define TEXT_USER 1000 /* not root: files that belong to anybody may be read */

/* Loads text from a file that exists for so long only. errs may be NULL: none is
 * expected. The result is destroyed by the caller. */
struct config *text_load(
	const char *text, const struct config_registry *, struct config_errors *errs);

/* Loads text without its being right: the first error, from behind FILE. Freed
 * by the caller. */
char *text_error(const char *text, const struct config_registry *);

/* A new file of mode 0600 with that text; path ends with XXXXXX, for mkstemp(). */
void text_write(char *path, const char *text);

/* Fails with the first line in which the texts differ. */
void text_check_same(const char *got, const char *want);
