#include "exec/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "util/fd.h"

static int make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0) {
		return -errno;
	}
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

int terminal_open(int *ret_master, int *ret_slave)
{
	CLEANUP_FD int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	CLEANUP_FD int slave = -1;
	int r;

	if (master < 0 || unlockpt(master) < 0) {
		return -errno;
	}
	/* by the descriptor: its name may be of another place than ours */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0) {
		return -errno;
	}
	r = make_raw(slave);
	if (r < 0) {
		return r;
	}
	*ret_master = TAKE_FD(master);
	*ret_slave = TAKE_FD(slave);
	return 0;
}
