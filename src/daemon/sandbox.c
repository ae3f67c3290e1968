#include "daemon/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/log.h"

/* Is there no network but ourselves? (/proc/self is there in any sandbox.) */
static bool has_private_network(void)
{
	FILE *f = fopen("/proc/self/net/dev", "re");
	char line[256], *name;
	bool others = f == NULL;

	while (f && fgets(line, sizeof(line), f)) {
		name = line + strspn(line, " ");
		others |= strchr(name, ':') && strncmp(name, "lo:", 3) != 0;
	}
	if (f) {
		fclose(f);
	}
	return !others;
}

/* Is the directory one that only this unit has? */
static bool is_private(const char *dir)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024], root[512], point[512];
	bool private = false;

	while (f && fgets(line, sizeof(line), f)) {
		private |= sscanf(line, "%*s %*s %*s %511s %511s", root, point) == 2 &&
			   strcmp(point, dir) == 0 && strstr(root, "systemd-private-");
	}
	if (f) {
		fclose(f);
	}
	return private;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static void look_at(const struct config_endpoint *e)
{
	static const char *const dirs[] = {"/tmp", "/var/tmp"};
	const char *name = e->names[0];

	if (name[0] == '@' && has_private_network()) {
		log_warning("%s: no client will find %s: the unit has a network namespace of its "
			    "own (systemctl edit revd: [Service] PrivateNetwork=no)",
			e->name, e->address);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (is_below(name, dirs[i]) && is_private(dirs[i])) {
			log_warning("%s: no client will find %s: the unit has a %s of its own "
				    "(systemctl edit revd: [Service] PrivateTmp=no, or choose "
				    "another directory)",
				e->name, e->address, dirs[i]);
		}
	}
}

static bool is_inherited(const struct inherited *in, const struct config_endpoint *e)
{
	for (size_t i = 0; i < in->given.n; i++) {
		if (strcmp(in->endpoints[i], e->name) == 0) {
			return true;
		}
	}
	return false;
}

void sandbox_warn(const struct config *config, const struct inherited *in)
{
	for (size_t i = 0; getenv("INVOCATION_ID") && i < config->n_endpoints; i++) {
		if (!is_inherited(in, &config->endpoints[i])) {
			look_at(&config->endpoints[i]);
		}
	}
}
