/* What the kernel says of a rig's daemon and names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/rig.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

size_t rig_fd_count(const struct rig *rig)
{
	char path[64];
	size_t n = 0;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)rig->pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir))) {
		n += e->d_name[0] != '.';
	}
	closedir(dir);
	return n;
}

/* noinline: inlined, gcc -O3 takes the text for the variable that points to it. */
__attribute__((noinline)) static char *rig_proc(const struct rig *rig, const char *what)
{
	char path[64];
	char *text = NULL;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)rig->pid, what);
	ck_assert_int_eq(fd_read_file(path, 1u << 20, &text, &n), 0);
	return text;
}

double rig_cpu_seconds(const struct rig *rig)
{
	CLEANUP_FREE char *stat = rig_proc(rig, "stat");
	unsigned long user, system;
	const char *p = strrchr(stat, ')'); /* the name may hold anything */

	/* proc(5): utime and stime are fields 14 and 15, ) ends field 2. */
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				 &user, &system),
		2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

size_t rig_memory(const struct rig *rig)
{
	CLEANUP_FREE char *statm = rig_proc(rig, "statm");
	char *end;
	unsigned long resident;

	strtoul(statm, &end, 10);
	resident = strtoul(end, NULL, 10);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

bool rig_has(const struct rig *rig, const char *name)
{
	char path[RIG_PATH];
	struct stat st;

	return lstat(rig_path(rig, name, path), &st) == 0;
}

void rig_wait_gone(const struct rig *rig, const char *name)
{
	uint64_t until = wait_until(WAIT_MS);
	CLEANUP_FD int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char events[4096];

	ck_assert_int_ge(inotify_add_watch(in, rig->dir, IN_DELETE | IN_MOVED_FROM), 0);
	while (rig_has(rig, name)) {
		ck_assert_msg(wait_fd(in, POLLIN, until), "%s is still there", name);
		(void)!read(in, events, sizeof events);
	}
}

bool rig_has_queue(const struct rig *rig, const char *suffix)
{
	char name[128];
	mqd_t q;

	snprintf(name, sizeof name, "%s%s", rig->queue, suffix);
	q = mq_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (q >= 0) {
		mq_close(q);
		return true;
	}
	ck_assert_int_eq(errno, ENOENT);
	return false;
}
