#include "daemon/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/log.h"

/* $RUNTIME_DIRECTORY may list several, separated by colons. */
static char *find_runtime_dir(void)
{
	const char *s = getenv("RUNTIME_DIRECTORY");
	char *dir = NULL;

	if (s && s[0] == '/') {
		return strndup(s, strcspn(s, ":"));
	}
	if (geteuid() == 0) {
		return strdup("/run/revd");
	}
	s = getenv("XDG_RUNTIME_DIR");
	if (s && s[0] == '/' && asprintf(&dir, "%s/revd", s) < 0) {
		return NULL;
	}
	return dir ? dir : strdup("/run/revd");
}

int paths_init(struct paths *p, const char *file)
{
	*p = (struct paths){
		.file = strdup(file ? file : REVD_CONFIG_FILE),
		.optional = !file,
		.runtime_dir = find_runtime_dir(),
	};
	return p->file && p->runtime_dir ? 0 : -ENOMEM;
}

void paths_finish(struct paths *p)
{
	free(p->file);
	free(p->runtime_dir);
	*p = (struct paths){0};
}

int paths_leave(struct paths *p)
{
	CLEANUP_FREE char *here = getcwd(NULL, 0);
	CLEANUP_FREE char *file = NULL;

	if (!here && p->file[0] != '/') {
		log_warning("the current directory can't be named (%s), so it is not left: %s is "
			    "relative to it",
			strerror(errno), p->file);
		return -errno;
	}
	if (p->file[0] != '/') {
		if (asprintf(&file, "%s/%s", here, p->file) < 0) {
			file = NULL;
			return -ENOMEM;
		}
		free(p->file);
		p->file = TAKE_PTR(file);
	}
	return chdir("/") < 0 ? -errno : 0;
}

/* Is an endpoint's file to lie in the directory? */
static bool is_needed(const struct paths *p, const struct config *c)
{
	size_t n = strlen(p->runtime_dir);

	for (size_t i = 0; i < c->n_endpoints; i++) {
		const char *path = strchr(c->endpoints[i].address, '/');

		if (path && strncmp(path, p->runtime_dir, n) == 0 && path[n] == '/') {
			return true;
		}
	}
	return false;
}

int paths_make_runtime_dir(const struct paths *p, const struct config *c, struct rv_err *err)
{
	int r;

	if (!is_needed(p, c) || mkdir(p->runtime_dir, 0755) == 0 || errno == EEXIST) {
		return 0;
	}
	r = -errno;
	snprintf(err->msg, sizeof(err->msg),
		"%.100s: %s; make it, or set RUNTIME_DIRECTORY or XDG_RUNTIME_DIR to another "
		"place for the default endpoints",
		p->runtime_dir, strerror(-r));
	return r;
}
