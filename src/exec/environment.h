/* What a program finds in its environment. */
#pragma once

#include <stddef.h>

/* Of the words ("NAME=value", ends with NULL), the n names (up to a NULL), the usual ones
 * and some of the daemon's own. It has pointers to all of them; the caller frees it. NULL:
 * no memory. */
char **environment_make(char *const *words, char *const *names, size_t n_names);
