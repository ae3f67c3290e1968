#include "bench/nats_server.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/bench.h"
#include "util/clock.h"
#include "util/fd.h"

#define READY_NS 5000000000u
#define LOOK_MS 5
#define PORT_BEFORE "\"nats://127.0.0.1:"

/* The server writes NAME_PID.ports, of which the listener for clients stands first. */
static bool read_port(struct nats_server *s)
{
	CLEANUP_FREE char *text = NULL;
	const char *at;
	char path[176];
	size_t n;

	snprintf(path, sizeof(path), "%s/nats-server_%d.ports", s->dir, (int)s->proc.pid);
	if (fd_read_file(path, 1u << 16, &text, &n) < 0 || !(at = strstr(text, PORT_BEFORE)) ||
		!strchr(at + 1, '"')) {
		return false; /* not there, or not whole */
	}
	snprintf(s->url, sizeof(s->url), "%.*s", (int)(strcspn(at + 1, "\"")), at + 1);
	return true;
}

static int await_port(struct nats_server *s, struct rv_err *err)
{
	uint64_t end = clock_now() + READY_NS;

	while (!read_port(s)) {
		if (!proc_alive(&s->proc)) {
			int status = proc_stop(&s->proc);

			return WIFEXITED(status) && WEXITSTATUS(status) == PROC_NO_PROGRAM
				       ? bench_fail(err, -ENOENT, "nats-server is not installed")
				       : bench_fail(err, -ECHILD, "nats-server does not start");
		}
		if (clock_now() > end) {
			return bench_fail(err, -ETIMEDOUT, "nats-server is not ready in time");
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	return 0;
}

int nats_server_start(struct nats_server *s, const char *parent, struct rv_err *err)
{
	const char *argv[] = {
		"nats-server", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", s->dir, NULL};
	int r;

	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "%s/nats", parent);
	r = mkdir(s->dir, 0700) < 0 ? -errno : proc_spawn(&s->proc, argv, NULL, -1);
	r = r < 0 ? bench_fail(err, r, "nats-server: %s", strerror(-r)) : await_port(s, err);
	if (r < 0) {
		nats_server_stop(s);
	}
	return r;
}

/* It takes its file away when it ends well. */
void nats_server_stop(struct nats_server *s)
{
	char path[176];

	if (s->proc.pid > 0) {
		snprintf(path, sizeof(path), "%s/nats-server_%d.ports", s->dir, (int)s->proc.pid);
		proc_stop(&s->proc);
		unlink(path);
	}
	if (s->dir[0]) {
		rmdir(s->dir);
	}
	memset(s, 0, sizeof(*s));
}
