#include "librevc/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"

#define LOCK_TRIES 200 /* of a millisecond */
#define LIST_MAX ((size_t)256 << 10) /* more names than there can be queues */

/* Whoever has it needs it for microseconds; one that is stopped just then is not waited
 * for. */
static int lock_list(int fd)
{
	int r = flock(fd, LOCK_EX | LOCK_NB);

	for (int i = 0; r < 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
		(void)poll(NULL, 0, 1);
		r = flock(fd, LOCK_EX | LOCK_NB);
	}
	return r;
}

static int open_list(const char *path)
{
	CLEANUP_FD int fd =
		open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		lock_list(fd) < 0) {
		return -1;
	}
	return TAKE_FD(fd);
}

int orphans_open(const char *path)
{
	/* queues do not outlive the system either */
	static const char *const places[] = {"/dev/shm", "/tmp"};
	char buf[40];
	int fd = path ? open_list(path) : -1;

	for (size_t i = 0; !path && fd < 0 && i < ARRAY_SIZE(places); i++) {
		snprintf(buf, sizeof(buf), "%s/revc.%u", places[i], (unsigned)geteuid());
		fd = open_list(buf);
	}
	return fd;
}

bool orphans_lock(int queue)
{
	return flock(queue, LOCK_EX | LOCK_NB) == 0;
}

/* Is it there, and somebody's? */
static bool is_alive(const char *name)
{
	CLEANUP_FD int q = mq_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (q < 0) {
		return errno != ENOENT;
	}
	if (!orphans_lock(q)) {
		return true;
	}
	mq_unlink(name);
	return false;
}

void orphans_remove(int list)
{
	CLEANUP_FREE char *names = NULL;
	size_t n = 0;

	if (list < 0 || lseek(list, 0, SEEK_SET) < 0 ||
		fd_read_all(list, LIST_MAX, &names, &n) < 0 || ftruncate(list, 0) < 0) {
		return;
	}
	for (char *name = names, *end; (end = memchr(name, '\n', n - (size_t)(name - names)));
		name = end + 1) {
		*end = '\0';
		if (is_alive(name)) {
			orphans_note(list, name);
		}
	}
}

void orphans_note(int list, const char *name)
{
	if (list >= 0) {
		(void)dprintf(list, "%s\n", name);
	}
}
