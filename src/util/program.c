#include "util/program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *program_find(const char *name, const char *room, char *buf, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int len;

	for (int up = 0; up < 2 && n > 0; up++) { /* the directory, and the one above it */
		self[n] = '\0';
		n = strrchr(self, '/') - self;
		len = up ? snprintf(buf, size, "%.*s/%s/%s", (int)n, self, room, name)
			 : snprintf(buf, size, "%.*s/%s", (int)n, self, name);
		if (len > 0 && (size_t)len < size && is_program(buf)) {
			return buf;
		}
	}
	snprintf(buf, size, "%s", name);
	return buf;
}

bool program_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	for (size_t n; path && *path; path += path[n] ? n + 1 : n) {
		n = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, name);
		if (n > 0 && is_program(file)) {
			return true;
		}
	}
	return false;
}
