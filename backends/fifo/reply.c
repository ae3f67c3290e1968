#include "fifo/reply.h"

#include <fcntl.h>
#include <sys/stat.h>

/* What a name of the reply directory may be: a FIFO that has no other name.
 * Judged once before it is opened, so that no device ever is, and once after,
 * so that a swapped name gains nothing. */
static int judge(const struct stat *st)
{
	return S_ISFIFO(st->st_mode) && st->st_nlink == 1 ? 0 : -EPERM;
}

int fifo_open_reply(int dir, const char *token, size_t n)
{
	CLEANUP_FD int fd = -1;
	char name[RV_TOKEN_MAX + 1];
	struct stat st;
	int r;

	memcpy(name, token, n);
	name[n] = '\0';
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		return -errno;
	}
	r = judge(&st);
	if (r < 0) {
		return r;
	}
	fd = openat(dir, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		return -errno;
	}
	r = judge(&st);
	return r < 0 ? r : TAKE_FD(fd);
}

const char *fifo_why_refused(int err)
{
	switch (err) {
	case -ENOENT:
		return "no such FIFO in the reply directory";
	case -ENXIO:
		return "no client is reading it";
	case -EPERM:
		return "not a FIFO, or one with several names";
	case -ELOOP:
		return "a symbolic link";
	case -EACCES:
		return "its mode does not let revd write (0622 does)";
	case -EMFILE:
	case -ENFILE:
		return "revd has no descriptor left";
	default:
		return strerror(-err);
	}
}
