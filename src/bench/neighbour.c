#include "bench/neighbour.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "bench/generator.h"
#include "bench/revd_rig.h"
#include "util/fd.h"

#define START_MS 5000
#define JOIN_MS 10000

struct task {
	const struct daemon *daemon;
	const struct bench_contender *contender;
	uint64_t ns;
	int ready; /* a byte is written here, then it is closed */
};

static const struct bench_load load = {.size = 64, .clients = 1, .window = NEIGHBOUR_WINDOW};

static void run(void *arg)
{
	const struct task *t = arg;
	struct rig s = {0};
	struct slice slice = {.load = &load, .target = &s.target};
	struct rv_err err;
	int r = revd_rig_open(&s, t->daemon, t->contender, &load, &err);

	r = r < 0 ? r : link_set_blocking(&s.target.links[0], false);
	if (r == 0 && write(t->ready, "", 1) == 1) {
		r = generator_run(&slice, t->ns, &err);
	}
	rig_close(&s);
	_exit(r < 0);
}

int neighbour_start(struct proc *ret, const struct daemon *d, const struct bench_contender *c,
	uint64_t ns, struct rv_err *err)
{
	struct task t = {.daemon = d, .contender = c, .ns = ns};
	CLEANUP_FD int ready = -1;
	struct pollfd p = {.events = POLLIN};
	int fd[2], r;
	char byte;

	if (pipe2(fd, O_CLOEXEC) < 0) {
		return bench_fail(err, -errno, "pipe: %s", strerror(errno));
	}
	p.fd = ready = fd[0];
	t.ready = fd[1];
	r = proc_fork(ret, run, &t);
	fd_close(fd[1]);
	if (r == 0 && (poll(&p, 1, START_MS) <= 0 || read(ready, &byte, 1) != 1)) {
		proc_stop(ret);
		r = -ECHILD;
	}
	return r < 0 ? bench_fail(err, r, "the neighbour could not start") : 0;
}

int neighbour_join(struct proc *p, struct rv_err *err)
{
	int status = proc_wait(p, JOIN_MS) ? proc_stop(p) : -1;

	proc_stop(p);
	return status == 0 ? 0 : bench_fail(err, -EPROTO, "the neighbour was not served well");
}
