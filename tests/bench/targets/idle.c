#include "targets/idle.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/address.h"
#include "util/clock.h"
#include "util/fd.h"

#define STARTS 7
#define SETTLE_MS 200
#define WATCH_MS 2000

/* Lets time pass. */
static void rest(unsigned ms)
{
	uint64_t end = clock_now() + ms * UINT64_C(1000000), now;

	for (now = clock_now(); now < end; now = clock_now()) {
		(void)poll(NULL, 0, (int)((end - now) / 1000000) + 1);
	}
}

/* Context switches of the daemon per second while nobody does anything. */
static double watch(const struct daemon *d)
{
	uint64_t before, began;

	rest(SETTLE_MS); /* going to sleep after the last request is a switch too */
	before = proc_switches(d->proc.pid);
	began = clock_now();
	rest(WATCH_MS);
	return (double)(proc_switches(d->proc.pid) - before) * 1e9 / (double)(clock_now() - began);
}

double idle_cpu_share(const struct daemon *d)
{
	uint64_t before, began;

	rest(SETTLE_MS);
	before = proc_cpu_ns(d->proc.pid);
	began = clock_now();
	rest(WATCH_MS);
	return (double)(proc_cpu_ns(d->proc.pid) - before) / (double)(clock_now() - began);
}

/* The number after `key` in text, in KiB. */
static double field(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? 1024 * strtod(p + strlen(key), NULL) : 0;
}

/* Proportional set size in bytes, and the part of it that is private: what would be free without
 * the process. */
static int read_memory(pid_t pid, double *ret_pss, double *ret_private)
{
	CLEANUP_FREE char *text = NULL;
	char path[64];
	size_t n;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	r = fd_read_file(path, 65536, &text, &n);
	if (r < 0) {
		return r;
	}
	*ret_pss = field(text, "\nPss:");
	*ret_private = field(text, "\nPrivate_Clean:") + field(text, "\nPrivate_Dirty:");
	return 0;
}

/* Connects and has one request answered, so that the daemon has surely met it. */
static int meet(const struct address *address, int *ret_fd)
{
	CLEANUP_FD int fd = address_connect(address, SOCK_STREAM);
	char reply[4];

	if (fd < 0) {
		return fd;
	}
	if (send(fd, "abc\n", 4, MSG_NOSIGNAL) < 0) {
		return -errno;
	}
	if (recv(fd, reply, sizeof(reply), MSG_WAITALL) != 4 || memcmp(reply, "cba\n", 4) != 0) {
		return -EPROTO;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int connect_many(const struct daemon *d, int *fds, struct rv_err *err)
{
	struct address address;
	int r = address_set(&address, daemon_name(d, BENCH_STREAM));

	for (size_t i = 0; i < IDLE_CONNECTIONS; i++) {
		r = r < 0 ? r : meet(&address, &fds[i]);
		if (r < 0) {
			return bench_fail(err, r, "connection %zu of %u: %s", i + 1,
				IDLE_CONNECTIONS, strerror(-r));
		}
	}
	return 0;
}

static int measure_connections(struct idle *idle, const struct daemon *d, struct rv_err *err)
{
	CLEANUP_FREE int *fds = malloc(IDLE_CONNECTIONS * sizeof(*fds));
	double before, after, unused;
	int r;

	if (!fds) {
		return bench_fail(err, -ENOMEM, "out of memory");
	}
	memset(fds, 0xff, IDLE_CONNECTIONS * sizeof(*fds));
	r = read_memory(d->proc.pid, &unused, &before);
	r = r < 0 ? r : connect_many(d, fds, err);
	if (r == 0) {
		r = read_memory(d->proc.pid, &unused, &after);
		idle->connections = IDLE_CONNECTIONS;
		idle->bytes_per_connection = (after - before) / IDLE_CONNECTIONS;
		idle->wakeups_connected = watch(d);
	}
	for (size_t i = 0; i < IDLE_CONNECTIONS; i++) {
		fd_close(fds[i]);
	}
	return r;
}

static int measure_one(struct idle *idle, const struct daemon *d, struct rv_err *err)
{
	double unused;
	int r = read_memory(d->proc.pid, &idle->pss, &unused);

	if (r < 0) {
		return bench_fail(
			err, r, "memory of process %d: %s", (int)d->proc.pid, strerror(-r));
	}
	idle->wakeups = watch(d);
	return measure_connections(idle, d, err);
}

int idle_measure(struct idle *idle, const struct daemon_options *options, struct rv_err *err)
{
	struct daemon_options o = *options;
	double ready[STARTS];

	memset(idle, 0, sizeof(*idle));
	o.name = "idle";
	for (size_t i = 0; i < STARTS; i++) {
		struct daemon d;
		int r = daemon_start(&d, &o, err);

		ready[i] = (double)d.ready_ns / 1e6;
		if (r == 0 && i + 1 == STARTS) {
			r = measure_one(idle, &d, err);
		}
		daemon_stop(&d);
		if (r < 0) {
			return r;
		}
	}
	idle->ready_ms = figures_range(ready, STARTS);
	return 0;
}
