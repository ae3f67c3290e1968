#include "fifo/orphans.h"

#include <event2/event.h>
#include <fcntl.h>
#include <time.h>
#include <revd/base/names.h>

#define MARK "live-"
#define LOOK_US 1000000 /* from then to the next look */
#define NAMES 128       /* looked at in one turn */
#define TURN_US 10000   /* to the next of the same look */

static void expect_in(struct fifo_orphans *o, long us)
{
	const struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	(void)event_add(&o->timer, &tv); /* tried again with the next client */
}

/* Between making it and opening it a client is given more than a second. */
static bool is_young(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       time(NULL) - st.st_ctim.tv_sec < 2;
}

static void look_at(struct fifo_orphans *o, const char *name)
{
	if (strncmp(name, MARK, strlen(MARK)) == 0) {
		o->some |= is_young(o->dir_fd, name) || !rv_names_remove_unread(o->dir_fd, name);
	}
}

/* The directory itself is read by a descriptor of its own, whose place is its own. */
static DIR *open_directory(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		fd_close_p(&fd);
	}
	return d;
}

static void on_timer(int fd, short what, void *arg)
{
	struct fifo_orphans *o = arg;
	struct dirent *e = NULL;

	(void)fd;
	(void)what;
	if (!o->dir) {
		o->some = false;
		o->dir = open_directory(o->dir_fd);
	}
	for (int i = 0; o->dir && i < NAMES && (e = readdir(o->dir)); i++) {
		look_at(o, e->d_name);
	}
	if (e) {
		expect_in(o, TURN_US);
		return;
	}
	if (o->dir) {
		closedir(o->dir);
		o->dir = NULL;
	}
	if (o->some) {
		expect_in(o, LOOK_US);
	}
}

void fifo_orphans_init(struct fifo_orphans *o, struct event_base *base, int dir_fd)
{
	*o = (struct fifo_orphans){.dir_fd = dir_fd};
	event_assign(&o->timer, base, -1, 0, on_timer, o);
}

void fifo_orphans_finish(struct fifo_orphans *o)
{
	event_del(&o->timer);
	if (o->dir) {
		closedir(o->dir);
		o->dir = NULL;
	}
}

void fifo_orphans_expect(struct fifo_orphans *o)
{
	if (!event_pending(&o->timer, EV_TIMEOUT, NULL)) {
		expect_in(o, LOOK_US);
	}
}
