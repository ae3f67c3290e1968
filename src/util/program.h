/* Where the programs of this project are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The path of another program of ours: beside the running one or, in a build tree, in
 * `room` beside its directory; where neither is, just the name. Returns buf. */
char *program_find(const char *name, const char *room, char *buf, size_t size);

/* Does a shell find it by its name alone? */
bool program_in_path(const char *name);
