#include "pty/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* What must not be on: it would change bytes, give them back as input, or make signals. */
#define INPUT (IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF)
#define LOCAL (ECHO | ECHONL | ICANON | ISIG | IEXTEN)

static int make_raw(int fd, struct termios *t)
{
	cfmakeraw(t);
	t->c_iflag &= ~(tcflag_t)INPUT;
	return tcsetattr(fd, TCSANOW, t) < 0 ? -errno : 0;
}

void terminal_keep_raw(int master)
{
	struct termios t;

	if (tcgetattr(master, &t) == 0 &&
		(t.c_lflag & LOCAL || t.c_iflag & INPUT || t.c_oflag & OPOST)) {
		(void)make_raw(master, &t);
	}
}

int terminal_apply(const struct terminal *t, const struct rv_endpoint_info *info)
{
	bool wanted = info->group != (gid_t)-1 || info->owner != (uid_t)-1;
	gid_t group = info->group == (gid_t)-1 ? getegid() : info->group;

	/* where a sandbox forbids it, that matters to what the group may do beyond others alone */
	if (fchown(t->slave, info->owner, group) < 0 &&
		(errno != EPERM || wanted || info->mode >> 3 & ~info->mode & 7)) {
		return -errno;
	}
	return fchmod(t->slave, info->mode) < 0 ? -errno : 0;
}

static int open_both(struct terminal *t)
{
	struct termios mode;

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->master < 0 || grantpt(t->master) < 0 ||
		ptsname_r(t->master, t->name, sizeof(t->name)) != 0) {
		return -errno;
	}
	/* its number may be that of one which somebody is just about to open; who may not read it
	 * may not watch it either, inotify(7) */
	if (chmod(t->name, S_IRUSR) < 0 || unlockpt(t->master) < 0) {
		return -errno;
	}
	t->slave = ioctl(t->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->slave < 0 || tcgetattr(t->slave, &mode) < 0) {
		return -errno;
	}
	return make_raw(t->slave, &mode);
}

int terminal_make(struct terminal *ret)
{
	struct terminal t = TERMINAL_NONE;
	int r = open_both(&t);

	if (r < 0) {
		terminal_close(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void terminal_close(struct terminal *t)
{
	fd_close_p(&t->master);
	fd_close_p(&t->slave);
}

/* Not TIOCSPTLCK: whoever is refused by that makes an I/O error for who has it open. */
void terminal_lock(const struct terminal *t)
{
	(void)fchmod(t->slave, 0);
}

bool terminal_is_claimed(int slave)
{
	if (flock(slave, LOCK_EX | LOCK_NB) == 0) {
		(void)flock(slave, LOCK_UN);
		return false;
	}
	return true;
}

bool terminal_hung_up(int master)
{
	struct pollfd p = {.fd = master};

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

int terminal_unread(int master, int slave)
{
	CLEANUP_FD int fd =
		slave < 0 ? ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	int n = 0;

	slave = slave < 0 ? fd : slave;
	return slave < 0 || ioctl(slave, FIONREAD, &n) < 0 ? 0 : n;
}
