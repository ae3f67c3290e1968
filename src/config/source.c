#include "config/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"

#define DROP_IN_DIR ".d"
#define DROP_IN_END ".conf"

const char *source_distrust(const struct stat *st, uid_t uid)
{
	if (uid != 0) {
		return NULL;
	}
	if (st->st_uid != 0) {
		return "is not owned by root";
	}
	if (st->st_mode & S_IWOTH) {
		return "may be written by everybody";
	}
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0) {
		return "may be written by a group other than root";
	}
	return NULL;
}

/* A link to nothing is there. */
static bool is_absent(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static const char *why_closed(int err, uid_t uid)
{
	if (err == ELOOP && uid == 0) {
		return "is a symbolic link; as root none is followed";
	}
	return strerror(err);
}

/* Opens a file or a directory that may be trusted. -1 with a diag, but none for
 * a missing one if it may be missing. */
static int open_trusted(struct ini *ini, int dir, const char *name, const char *path, uid_t uid,
	int flags, bool *missing)
{
	const struct origin at = {.file = path, .rank = ini->n_files};
	bool is_dir = flags & O_DIRECTORY;
	/* Not blocking: a FIFO in the file's place must not stop the daemon. */
	CLEANUP_FD int fd = openat(dir, name,
		flags | O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (uid == 0 ? O_NOFOLLOW : 0));
	const char *why = NULL;
	struct stat st;

	if (fd < 0 && errno == ENOENT && missing) {
		*missing = is_absent(dir, name);
		if (*missing) {
			return -1;
		}
		why = "is a symbolic link to nothing";
	} else if (fd < 0 || fstat(fd, &st) < 0) {
		why = why_closed(errno, uid);
	} else if (!is_dir && !S_ISREG(st.st_mode)) {
		why = "is not a regular file";
	} else {
		why = source_distrust(&st, uid);
	}
	if (why) {
		diags_add(ini->diags, &at, "%s", why);
		return -1;
	}
	return TAKE_FD(fd);
}

static int read_file(
	struct ini *ini, int dir, const char *name, const char *path, uid_t uid, bool *missing)
{
	const struct origin at = {.file = path, .rank = ini->n_files};
	CLEANUP_FD int fd = open_trusted(ini, dir, name, path, uid, 0, missing);
	CLEANUP_FREE char *buf = NULL;
	size_t n = 0;
	int r;

	if (fd < 0) {
		return 0; /* said in open_trusted() */
	}
	r = fd_read_all(fd, INI_FILE_MAX, &buf, &n);
	if (r == -ENOMEM) {
		return r;
	}
	if (r < 0) {
		diags_add(
			ini->diags, &at, "%s", r == -EFBIG ? "is larger than 1 MiB" : strerror(-r));
		return 0;
	}
	return ini_read(ini, path, buf, n);
}

/* Other names of a file that was switched off or saved are no drop-ins, and meant so. */
static bool is_put_aside(const char *name)
{
	return name[0] == '.' || name[strlen(name) - 1] == '~' || strstr(name, DROP_IN_END);
}

static bool is_drop_in(const char *name)
{
	size_t n = strlen(name), end = strlen(DROP_IN_END);

	return name[0] != '.' && n > end && strcmp(name + n - end, DROP_IN_END) == 0;
}

struct names {
	size_t n, size;
	char **names;
};

static void names_finish(struct names *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->names[i]);
	}
	free(l->names);
}

static int names_add(struct names *l, const char *name)
{
	size_t n = strlen(name) + 1;

	if (l->n == l->size) {
		size_t size = l->size ? 2 * l->size : 16;
		char **p = reallocarray(l->names, size, sizeof(*p));

		if (!p) {
			return -ENOMEM;
		}
		l->names = p;
		l->size = size;
	}
	l->names[l->n] = malloc(n);
	if (!l->names[l->n]) {
		return -ENOMEM;
	}
	memcpy(l->names[l->n++], name, n);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_dir(DIR **d)
{
	if (*d) {
		closedir(*d);
	}
}

/* dir stays the caller's. */
static int list_drop_ins(struct ini *ini, const struct origin *at, int dir, struct names *ret)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	CLEANUP(close_dir) DIR *d = copy < 0 ? NULL : fdopendir(copy);
	char q[QUOTE_TEXT];
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = -errno;
		fd_close(copy);
		return r;
	}
	for (errno = 0; r == 0 && (e = readdir(d)); errno = 0) {
		if (is_drop_in(e->d_name)) {
			r = names_add(ret, e->d_name);
		} else if (!is_put_aside(e->d_name)) {
			diags_warn(ini->diags, at, "%s is not read: its name does not end in %s",
				quote(e->d_name, q), DROP_IN_END);
		}
	}
	if (r == 0 && errno) {
		r = -errno;
	}
	if (r == 0 && ret->n > 0) {
		qsort(ret->names, ret->n, sizeof(ret->names[0]), compare_names);
	}
	return r;
}

static int read_directory(struct ini *ini, const char *path, uid_t uid)
{
	const struct origin at = {.file = path, .rank = ini->n_files};
	bool missing;
	CLEANUP_FD int dir = open_trusted(ini, AT_FDCWD, path, path, uid, O_DIRECTORY, &missing);
	CLEANUP(names_finish) struct names list = {0};
	int r;

	if (dir < 0) {
		return 0;
	}
	r = list_drop_ins(ini, &at, dir, &list);
	if (r < 0 && r != -ENOMEM) {
		diags_add(ini->diags, &at, "%s", strerror(-r));
		return 0;
	}
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		const char *file = arena_printf(ini->arena, "%s/%s", path, list.names[i]);

		r = file ? read_file(ini, dir, list.names[i], file, uid, NULL) : -ENOMEM;
	}
	return r;
}

int source_read_file(struct ini *ini, const char *path, uid_t uid, bool *missing)
{
	const char *file = arena_strdup(ini->arena, path);

	if (missing) {
		*missing = false;
	}
	return file ? read_file(ini, AT_FDCWD, file, file, uid, missing) : -ENOMEM;
}

int source_read_drop_ins(struct ini *ini, const char *path, uid_t uid)
{
	const char *dir = arena_printf(ini->arena, "%s" DROP_IN_DIR, path);

	return dir ? read_directory(ini, dir, uid) : -ENOMEM;
}
