#include "exec/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* What a program may want to know of the daemon's environment. Nothing else is passed on:
 * much of it is between the daemon and its supervisor. */
static bool is_passed_on(const char *variable)
{
	return strncmp(variable, "LANG=", 5) == 0 || strncmp(variable, "LC_", 3) == 0 ||
	       strncmp(variable, "LANGUAGE=", 9) == 0 || strncmp(variable, "TZ=", 3) == 0 ||
	       strncmp(variable, "TMPDIR=", 7) == 0;
}

char **environment_make(char *const *words, char *const *names, size_t n_names)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char term[] = "TERM=dumb", color[] = "NO_COLOR=1";
	size_t n = 0, at = 0;
	char **env;

	for (char **v = environ; v && *v; v++, n++) {
	}
	for (char *const *v = words; *v; v++, n++) {
	}
	env = calloc(n + 3 + n_names + 1, sizeof(*env));
	if (!env) {
		return NULL;
	}
	for (char *const *v = words; *v; v++) {
		env[at++] = *v; /* of two with one name the first one counts */
	}
	env[at++] = path;
	env[at++] = term;
	env[at++] = color;
	for (size_t i = 0; i < n_names && names[i]; i++) {
		env[at++] = names[i];
	}
	for (char **v = environ; v && *v; v++) {
		if (is_passed_on(*v)) {
			env[at++] = *v;
		}
	}
	return env;
}
