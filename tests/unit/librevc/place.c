#include "place.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "util/clock.h"

#define PATIENCE_S 20

void place_make(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/revc-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
}

static char *next_buffer(size_t *ret_size)
{
	static char bufs[4][96];
	static unsigned i;

	*ret_size = sizeof(bufs[0]);
	return bufs[i++ % 4];
}

const char *place_path(struct place *p, const char *name)
{
	size_t size;
	char *buf = next_buffer(&size);

	(void)snprintf(buf, size, "%s/%s", p->dir, name);
	return buf;
}

const char *place_uri(struct place *p, const char *scheme, const char *name)
{
	size_t size;
	char *buf = next_buffer(&size);

	(void)snprintf(buf, size, "%s:%s/%s", scheme, p->dir, name);
	return buf;
}

static void remove_all(int dir_fd)
{
	DIR *d = fdopendir(dir_fd);
	struct dirent *e;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d))) {
		int sub;

		if (e->d_name[0] == '.') {
			continue;
		}
		sub = openat(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0) {
			remove_all(sub);
		}
		unlinkat(dir_fd, e->d_name, sub >= 0 ? AT_REMOVEDIR : 0);
	}
	closedir(d);
}

void place_remove(struct place *p)
{
	int fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	remove_all(fd);
	ck_assert_int_eq(rmdir(p->dir), 0);
}

int place_listen(const char *path, int type)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

void place_read(int fd, void *p, size_t n)
{
	uint8_t *to = p;

	while (n > 0) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t k;

		ck_assert_int_eq(poll(&pfd, 1, PATIENCE_S * 1000), 1);
		k = read(fd, to, n);
		ck_assert_int_gt(k, 0);
		to += k;
		n -= (size_t)k;
	}
}

size_t place_frame(uint8_t *p, uint8_t code, uint8_t flags, uint64_t id, const char *text)
{
	struct rv_frame f = {
		.version = RV_FRAME_VERSION,
		.code = code,
		.flags = flags,
		.length = (uint32_t)strlen(text),
		.id = id,
	};

	rv_frame_store(p, &f);
	memcpy(p + RV_FRAME_HEADER, text, f.length);
	return RV_FRAME_HEADER + f.length;
}

uint64_t place_deadline(void)
{
	return clock_now() + PATIENCE_S * UINT64_C(1000000000);
}
