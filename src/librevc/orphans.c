#include "librevc/orphans.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"

bool orphans_lock(int fd)
{
	struct stat st;

	return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static bool is_reply_of(const char *name, const char *queue)
{
	size_t n = strlen(queue + 1);

	return strncmp(name, queue + 1, n) == 0 && name[n] == '.' &&
	       strncmp(name + n + 1, ORPHANS_MARK, strlen(ORPHANS_MARK)) == 0;
}

static void remove_if_orphan(int dir, const char *name)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && orphans_lock(fd)) {
		(void)unlinkat(dir, name, 0);
	}
}

void orphans_remove(const char *path, const char *queue)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (is_reply_of(e->d_name, queue)) {
			remove_if_orphan(dirfd(dir), e->d_name);
		}
	}
	if (dir) {
		closedir(dir);
	}
}
