#include "bench/address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "util/fd.h"

int address_set(struct address *a, const char *path)
{
	size_t n = strlen(path);

	*a = (struct address){.un = {.sun_family = AF_UNIX}, .len = sizeof(a->un)};
	if (n >= sizeof(a->un.sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(a->un.sun_path, path, n);
	if (path[0] == '@') {
		a->un.sun_path[0] = '\0';
		a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	return 0;
}

static int open_socket(
	const struct address *a, int type, int (*open)(int, const struct sockaddr *, socklen_t))
{
	CLEANUP_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || open(fd, (const struct sockaddr *)&a->un, a->len) < 0) {
		return -errno;
	}
	return TAKE_FD(fd);
}

int address_connect(const struct address *a, int type)
{
	return open_socket(a, type, connect);
}

int address_bind(const struct address *a, int type)
{
	return open_socket(a, type, bind);
}
