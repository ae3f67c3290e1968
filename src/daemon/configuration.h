/* Where the daemon's configuration comes from. What it is read from is decided anew each
 * time: files come and go while it runs. */
#pragma once

#include "config/config.h"
#include "daemon/inherited.h"
#include "daemon/paths.h"
#include "server/registry.h"
#include "util/macro.h"

struct configuration {
	struct paths paths;
	struct config_source source;
	struct registry *registry;
	struct inherited inherited; /* of a daemon that serves */
};

/* file: what the command line says; NULL: the default one. text: instead of any file, or
 * NULL. 0, or -errno after an error message; configuration_finish() in any case. */
int configuration_init(struct configuration *, const char *file, const char *text) MUST_CHECK;
void configuration_finish(struct configuration *);

/* Leaves the current directory, see paths_leave(). */
void configuration_leave(struct configuration *);

/* What the files say, for a person: mistakes go to standard error as they are. NULL: there
 * were some. */
struct config *configuration_read(struct configuration *);

/* What the files say, with endpoints for inherited descriptors that they do not name.
 * NULL: there are mistakes, all of them logged; the first is in err. */
struct config *configuration_load(struct configuration *, struct rv_err *err);

/* Logs what it was made from, and makes the runtime directory if it needs one. */
int configuration_prepare(struct configuration *, const struct config *, struct rv_err *) MUST_CHECK;

/* --check and --dump-config. The exit code. */
int configuration_check(struct configuration *);
int configuration_dump(struct configuration *);
