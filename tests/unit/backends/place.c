#include "place.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char place[32];

void place_enter(void)
{
	snprintf(place, sizeof(place), "/tmp/revd-place-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(place));
	ck_assert_int_eq(chmod(place, 0755), 0);
	ck_assert_int_eq(chdir(place), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void place_leave(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(nftw(place, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *place_path(const char *name)
{
	static char bufs[8][PATH_MAX];
	static unsigned turn;
	char *buf = bufs[turn++ % 8];

	snprintf(buf, PATH_MAX, "%s/%s", place, name);
	return buf;
}

bool place_has(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

mode_t place_mode(const char *name)
{
	struct stat st;

	ck_assert_msg(lstat(name, &st) == 0, "%s", name);
	return st.st_mode & 07777;
}

void place_write(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

bool place_holds(const char *name, const char *text)
{
	char buf[256];
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	place_read(fd, buf, sizeof(buf));
	close(fd);
	return strcmp(buf, text) == 0;
}

int place_fifo(const char *name)
{
	int fd;

	ck_assert_int_eq(mkfifo(name, 0600), 0);
	ck_assert_int_eq(chmod(name, 0622), 0);
	fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

size_t place_read(int fd, char *buf, size_t size)
{
	ssize_t n = read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

size_t place_count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}
