#include "bench/daemon.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/address.h"
#include "bench/query.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"

#define READY_MS 10000
#define LOG_TAIL 200
#define DEATH_MS 500

static const char *const schemes[] = {"uds", "uds", "shm", "fifo", "mqueue", "nats"};
static const char *const endpoints[] = {
	"transport = uds\ntype = stream\npath",
	"transport = uds\ntype = seqpacket\npath",
	"transport = shm\npath",
	"transport = fifo\npath",
	"transport = mqueue\nqueue",
	"transport = nats\nsubject",
};
_Static_assert(ARRAY_SIZE(schemes) == BENCH_TRANSPORTS, "one each");
_Static_assert(ARRAY_SIZE(endpoints) == BENCH_TRANSPORTS, "one each");

static void write_broker(FILE *f, const struct daemon *d, enum bench_transport t)
{
	if (t == BENCH_NATS) {
		fprintf(f, "queue = revbench\nurl = %s\n", d->broker);
	}
}

static int write_config(const struct daemon *d, const struct daemon_options *o)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/revd.conf", d->dir);
	f = fopen(path, "we");
	if (!f) {
		return -errno;
	}
	fprintf(f, "[revd]\nlog_level = warning\nmax_request = 2M\n%s%s\n",
		d->serves[BENCH_NATS] && o->plugins ? "plugin_dir = " : "",
		d->serves[BENCH_NATS] && o->plugins ? o->plugins : "");
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		enum bench_transport t = (enum bench_transport)i;

		if (d->serves[i]) {
			fprintf(f,
				"[endpoint.%s]\nmax_peers = 20000\nmax_inflight = 8M\n%s%s\n%s = "
				"%s\n",
				bench_transport_key(t), o->spin ? "spin = " : "",
				o->spin ? o->spin : "", endpoints[i], daemon_address(d, t));
			write_broker(f, d, t);
		}
	}
	return fclose(f) == 0 ? 0 : -errno;
}

static void name_endpoints(struct daemon *d, const char *name)
{
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		snprintf(d->uri[i], DAEMON_URI, "%s:%s/%s", schemes[i], d->dir,
			bench_transport_key((enum bench_transport)i));
		d->serves[i] = true;
	}
	snprintf(d->uri[BENCH_MQUEUE], DAEMON_URI, "mqueue:/revbench-%s-%d", name, (int)getpid());
	snprintf(d->uri[BENCH_NATS], DAEMON_URI, "%s/revbench.%.15s", d->broker, name);
}

/* 0 once READY=1 has come; -ECHILD if the process ended first. */
static int await_ready(const struct daemon *d, int notify)
{
	CLEANUP_FD int pidfd = pidfd_open(d->proc.pid, 0);
	uint64_t end = clock_now() + READY_MS * UINT64_C(1000000);
	struct pollfd p[2] = {{.fd = notify, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

	for (;;) {
		uint64_t now = clock_now();
		char text[512];
		ssize_t n;

		if (now >= end) {
			return -ETIMEDOUT;
		}
		if (poll(p, 2, (int)((end - now) / 1000000) + 1) < 0) {
			return -errno;
		}
		n = p[0].revents ? recv(notify, text, sizeof(text) - 1, MSG_DONTWAIT) : 0;
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, "READY=1")) {
			return 0;
		}
		if (p[1].revents) {
			return -ECHILD;
		}
	}
}

/* The last thing that it said, for the sentence about its end. */
static void log_tail(const struct daemon *d, char *buf, size_t size)
{
	CLEANUP_FREE char *text = NULL;
	char path[128];
	size_t n, from;

	snprintf(path, sizeof(path), "%s/log", d->dir);
	buf[0] = '\0';
	if (!d->dir[0] || fd_read_file(path, 1u << 24, &text, &n) < 0) {
		return;
	}
	from = n > size - 1 ? n - (size - 1) : 0;
	snprintf(buf, size, "%s", text + from);
	for (char *c = buf; *c; c++) {
		*c = isprint((unsigned char)*c) ? *c : ' ';
	}
}

/* Why it is not ready: what it said, or what became of it. */
static int explain_start(struct daemon *d, const char *program, int r, struct rv_err *err)
{
	char said[LOG_TAIL];
	int status = proc_stop(&d->proc);

	log_tail(d, said, sizeof(said));
	if (WIFEXITED(status) && WEXITSTATUS(status) == PROC_NO_PROGRAM) {
		return bench_fail(err, r, "%s: not found, or not a program (see --revd)", program);
	}
	return bench_fail(err, r, "%s does not start: %s", program,
		said[0]           ? said
		: r == -ETIMEDOUT ? "it is not ready in time"
		: r == -ECHILD    ? "it ended at once and said nothing"
				  : strerror(-r));
}

static int start(struct daemon *d, const struct daemon_options *o, struct rv_err *err)
{
	char path[128], config[128], notify[128];
	const char *argv[] = {o->program, "-c", config, NULL};
	CLEANUP_FD int log = -1, sock = -1;
	struct address address;
	uint64_t began;
	int r = write_config(d, o);

	snprintf(path, sizeof(path), "%s/log", d->dir);
	snprintf(config, sizeof(config), "%s/revd.conf", d->dir);
	snprintf(notify, sizeof(notify), "%s/notify", d->dir);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	r = r < 0 || log >= 0 ? r : -errno;
	r = r < 0 ? r : address_set(&address, notify);
	r = r < 0 ? r : (sock = address_bind(&address, SOCK_DGRAM));
	if (r < 0) {
		return bench_fail(err, r, "%s: %s", d->dir, strerror(-r));
	}
	began = clock_now();
	r = proc_spawn(&d->proc, argv, notify, log);
	r = r < 0 ? r : await_ready(d, sock);
	d->ready_ns = clock_now() - began;
	return r < 0 ? explain_start(d, o->program, r, err) : 0;
}

static void learn(struct daemon *d, const struct query *q)
{
	memcpy(d->version, q->version, sizeof(d->version));
	d->reverse = q->reverse;
}

static int start_once(struct daemon *d, const struct daemon_options *o, bool with_queue,
	bool with_broker, struct rv_err *err)
{
	struct query q;
	int r;

	memset(d, 0, sizeof(*d));
	snprintf(d->dir, sizeof(d->dir), "%s/%s", o->parent, o->name);
	if (mkdir(d->dir, 0700) < 0) {
		r = -errno;
		d->dir[0] = '\0';
		return bench_fail(err, r, "%s/%s: %s", o->parent, o->name, strerror(-r));
	}
	snprintf(d->broker, sizeof(d->broker), "%s", with_broker ? o->broker : "");
	name_endpoints(d, o->name);
	d->serves[BENCH_MQUEUE] = with_queue;
	d->serves[BENCH_NATS] = with_broker;
	r = start(d, o, err);
	r = r < 0 ? r : query_daemon(&q, d->uri[BENCH_STREAM], err);
	if (r < 0) {
		daemon_stop(d);
		return r;
	}
	learn(d, &q);
	return 0;
}

/* What revd says of itself when it does not start. */
static void note_reason(struct daemon *d, const char *what, const struct rv_err *err)
{
	const char *said = strstr(err->msg, "error: ");

	snprintf(d->note, sizeof(d->note), "%s is left out: %.200s", what,
		said ? said + strlen("error: ") : err->msg);
}

int daemon_start(struct daemon *d, const struct daemon_options *o, struct rv_err *err)
{
	struct rv_err again;

	if (start_once(d, o, true, o->broker, err) == 0) {
		return 0;
	}
	/* The plugin for it need not be installed. */
	if (o->broker && start_once(d, o, true, false, &again) == 0) {
		note_reason(d, "nats", err);
		return 0;
	}
	/* A user's budget for queues is small, and others may have used it up. */
	if (start_once(d, o, false, false, &again) == 0) {
		note_reason(d, "mqueue", err);
		return 0;
	}
	return -ECHILD;
}

int daemon_attach(struct daemon *d, const char *uri, struct rv_err *err)
{
	struct query q;
	int r;

	memset(d, 0, sizeof(*d));
	d->attached = true;
	if (strlen(uri) >= DAEMON_URI) {
		return bench_fail(err, -ENAMETOOLONG, "%s: too long", uri);
	}
	r = query_daemon(&q, uri, err);
	if (r < 0) {
		return r;
	}
	learn(d, &q);
	d->proc.pid = q.pid;
	d->serves[q.transport] = true;
	snprintf(d->uri[q.transport], DAEMON_URI, "%s", uri);
	if (q.transport == BENCH_NATS) {
		snprintf(d->broker, sizeof(d->broker), "%.*s", (int)(strrchr(uri, '/') - uri), uri);
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* What a daemon that was killed could not remove itself. All of it is ours. */
static void remove_names(const struct daemon *d)
{
	char out[DAEMON_URI + 8];

	if (d->serves[BENCH_MQUEUE]) {
		const char *queue = daemon_name(d, BENCH_MQUEUE);

		snprintf(out, sizeof(out), "%s.out", queue);
		mq_unlink(queue);
		mq_unlink(out);
	}
	if (nftw(d->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) < 0) {
		log_warning("%s stays behind: %s", d->dir, strerror(errno));
	}
}

void daemon_stop(struct daemon *d)
{
	proc_stop(&d->proc);
	if (d->dir[0]) {
		remove_names(d);
	}
	memset(d, 0, sizeof(*d));
}

bool daemon_died(struct daemon *d, struct rv_err *err)
{
	char said[LOG_TAIL];
	siginfo_t si = {0};

	/* Connections close a moment before the process is gone. */
	if (d->proc.pid <= 0 || !proc_wait(&d->proc, DEATH_MS)) {
		return false;
	}
	log_tail(d, said, sizeof(said));
	if (d->proc.ours) {
		(void)waitid(P_PID, (id_t)d->proc.pid, &si, WEXITED | WNOHANG | WNOWAIT);
	}
	bench_fail(err, -ECHILD, "the daemon (process %d) %s %d in the middle of the run%s%s",
		(int)d->proc.pid, si.si_code == CLD_EXITED ? "exited with" : "was ended by signal",
		si.si_status, said[0] ? "; it said: " : "", said);
	return true;
}
