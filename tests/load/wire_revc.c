/* $REVC as a filter, with what it does about daemons that break or refuse. The address is a URI. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "load/wire.h"
#include "util/fd.h"

static void run_revc(const char *uri, int in, int out)
{
	const char *revc = getenv("REVC");

	revc = revc ? revc : "revc";
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
		execlp(revc, revc, "--timeout", "30s", "-e", uri, (char *)NULL);
	}
	_exit(127);
}

static int revc_open_(struct wire *w)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) < 0) {
		return -errno;
	}
	if (pipe2(from, O_CLOEXEC) < 0) {
		int r = -errno;

		close(to[0]);
		close(to[1]);
		return r;
	}
	w->program = fork();
	if (w->program == 0) {
		run_revc(w->address, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	w->out = to[1];
	w->in = from[0];
	return w->program < 0 || fcntl(w->out, F_SETFL, O_NONBLOCK) < 0 ||
			       fcntl(w->in, F_SETFL, O_NONBLOCK) < 0
		       ? -errno
		       : 0;
}

static void revc_close_(struct wire *w)
{
	if (w->program > 0) {
		kill(w->program, SIGTERM);
		waitpid(w->program, NULL, 0);
	}
	w->program = 0;
}

const struct wire_kind wire_revc = {.name = "revc",
	.text_max = 2500,
	.budget = 48u << 10,
	.open = revc_open_,
	.send = wire_write,
	.recv = wire_read,
	.close = revc_close_};
