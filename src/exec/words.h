/*
 * A command line as a shell reads it, without a shell: blanks separate words, 'single' and
 * "double" quotes and backslashes mean what they mean there. What would make a shell do
 * something (| ; & < > ( ) ` $NAME) is refused where it is not quoted, because nothing
 * here would do it.
 */
#pragma once

#include "util/macro.h"

/* Words of s, with a NULL behind the last; all of it one block, the caller's to free.
 * 0, -ENOMEM, or -EINVAL with a sentence (static). */
int words_split(const char *s, char ***ret, const char **ret_why) MUST_CHECK;
