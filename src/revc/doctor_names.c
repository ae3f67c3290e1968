#include "revc/doctor_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "revc/finding.h"
#include "util/fd.h"

#define QUOTED 1100  /* bytes of a quoted path */
#define YOUNG_S 60   /* a client may be about to open a name of that age */
#define SHOWN_MAX 16 /* names in one command */

/* Who can read what others send can take it away. */
static void look_at_readers(const char *path)
{
	char mend[QUOTED + 32], quoted[QUOTED];
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT || strncmp(path, "/dev/mqueue/", 12) != 0) {
			finding(FINDING_ERROR, NULL,
				"%s: %s; the daemon holds a name that is gone, "
				"a reload tells how to make it again",
				path, strerror(errno));
		}
		return;
	}
	if (st.st_mode & (S_IRGRP | S_IROTH)) {
		(void)snprintf(mend, sizeof(mend), "chmod go-r %s",
			finding_quote(path, quoted, sizeof(quoted)));
		finding(FINDING_WARNING, mend,
			"%s has mode %04o: %s can take what others ask (and mode= in the "
			"configuration, or SocketMode= of its unit, makes it so again)",
			path, st.st_mode & 07777, st.st_mode & S_IROTH ? "everybody" : "its group");
	} else {
		finding(FINDING_OK, NULL, "%s has mode %04o: nobody but its owner reads requests",
			path, st.st_mode & 07777);
	}
}

/* A FIFO that nobody reads any more, and that is not about to be opened. */
static bool is_stale(int dir, const char *name)
{
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISFIFO(st.st_mode) ||
		time(NULL) - st.st_mtime < YOUNG_S) {
		return false;
	}
	fd = openat(dir, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		fd_close(fd);
		return false;
	}
	return errno == ENXIO;
}

static void look_for_stale(const char *path, DIR *d)
{
	char mend[QUOTED + SHOWN_MAX * 72], quoted[QUOTED];
	const struct dirent *e;
	size_t n = 0, used;

	used = (size_t)snprintf(mend, sizeof(mend), "cd %s && rm -f --",
		finding_quote(path, quoted, sizeof(quoted)));
	while ((e = readdir(d))) {
		if (is_stale(dirfd(d), e->d_name) && strlen(e->d_name) <= 64 && n++ < SHOWN_MAX) {
			used += (size_t)snprintf(mend + used, sizeof(mend) - used, " %s",
				finding_quote(e->d_name, quoted, sizeof(quoted)));
		}
	}
	if (n > 0) {
		finding(FINDING_WARNING, mend, "%s has %zu reply FIFO%s that nobody reads%s", path,
			n, n == 1 ? "" : "s",
			n > SHOWN_MAX ? "; the command is for some of them" : "");
	} else {
		finding(FINDING_OK, NULL, "%s has no reply FIFO that nobody reads", path);
	}
}

static void look_at_reply_dir(const char *fifo)
{
	char path[512], mend[QUOTED + 32], quoted[QUOTED];
	struct stat st;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s.d", fifo);
	if (stat(path, &st) < 0) {
		return; /* reply_dir is elsewhere */
	}
	(void)snprintf(
		mend, sizeof(mend), "chmod 1733 %s", finding_quote(path, quoted, sizeof(quoted)));
	if ((st.st_mode & 01022) == 0022 || (st.st_mode & 01002) == 0002) {
		finding(FINDING_ERROR, mend,
			"%s has mode %04o: everybody can remove the reply FIFOs "
			"of others",
			path, st.st_mode & 07777);
	} else if (st.st_mode & 0044) {
		finding(FINDING_WARNING, mend, "%s has mode %04o: others can list reply FIFOs",
			path, st.st_mode & 07777);
	} else {
		finding(FINDING_OK, NULL, "%s has mode %04o", path, st.st_mode & 07777);
	}
	d = opendir(path);
	if (!d) {
		finding(FINDING_OK, NULL,
			"%s can't be seen by this user: whether reply FIFOs were "
			"left there",
			path);
		return;
	}
	look_for_stale(path, d);
	(void)closedir(d);
}

void doctor_look_at_names(const char *address)
{
	char path[512];

	if (strncmp(address, "fifo:", 5) == 0) {
		look_at_readers(address + 5);
		look_at_reply_dir(address + 5);
	} else if (strncmp(address, "mqueue:/", 8) == 0) {
		(void)snprintf(path, sizeof(path), "/dev/mqueue/%s", address + 8);
		look_at_readers(path);
	}
}
