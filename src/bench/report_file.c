#include "bench/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"

static int fail(const struct report_file *rf, int r, struct rv_err *err)
{
	return bench_fail(err, r, "%s: %s", rf->path, strerror(-r));
}

/* Without O_TRUNC, so that an old file is kept, and with O_EXCL first, to know whose it is. */
static int open_path(struct report_file *rf)
{
	int fd = open(rf->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	rf->made = fd >= 0;
	if (fd < 0 && errno == EEXIST) { /* a link to nowhere exists as well */
		fd = open(rf->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	}
	return fd < 0 ? -errno : fd;
}

int report_file_open(struct report_file *rf, const char *path, struct rv_err *err)
{
	int fd;

	*rf = (struct report_file){.path = path};
	if (!path) {
		return 0;
	}
	fd = open_path(rf);
	if (fd < 0) {
		return fail(rf, fd, err);
	}
	rf->file = fdopen(fd, "w");
	if (!rf->file) {
		int r = -errno;

		fd_close(fd);
		report_file_finish(rf);
		return fail(rf, r, err);
	}
	return 0;
}

/* Devices and pipes have nothing that could be cut off. */
static int empty(FILE *f)
{
	struct stat st;

	if (fstat(fileno(f), &st) < 0 || (S_ISREG(st.st_mode) && ftruncate(fileno(f), 0) < 0)) {
		return -errno;
	}
	return 0;
}

int report_file_write(struct report_file *rf, void (*write)(FILE *, const struct report *),
	const struct report *report, struct rv_err *err)
{
	int r;

	if (!rf->file) {
		return 0;
	}
	rf->made = false;
	r = empty(rf->file);
	if (r == 0) {
		write(rf->file, report);
		r = ferror(rf->file) ? -EIO : 0;
	}
	if (fclose(rf->file) != 0 && r == 0) {
		r = -errno;
	}
	rf->file = NULL;
	return r < 0 ? fail(rf, r, err) : 0;
}

void report_file_finish(struct report_file *rf)
{
	if (rf->file) {
		fclose(rf->file);
		rf->file = NULL;
	}
	if (rf->made) {
		unlink(rf->path);
		rf->made = false;
	}
}
