/* Where the configuration is, and where the default endpoints are. */
#pragma once

#include <stdbool.h>
#include "config/config.h"
#include "util/macro.h"

struct paths {
	char *file;        /* the configuration's */
	bool optional;     /* the default one, which need not be there */
	char *runtime_dir; /* of the default endpoints */
};

/* file: what the command line says, NULL: nothing. 0 or -ENOMEM. */
int paths_init(struct paths *, const char *file) MUST_CHECK;
void paths_finish(struct paths *);

/* Leaves the current directory, so that nobody who wants to unmount it has to wait for a
 * daemon; file becomes absolute. 0, or -errno after a warning: nothing has changed. */
int paths_leave(struct paths *) MUST_CHECK;

/* Makes the runtime directory. 0 also where the configuration may do without one. */
int paths_make_runtime_dir(const struct paths *, const struct config *, struct rv_err *) MUST_CHECK;
