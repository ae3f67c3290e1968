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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <revd/client.h>
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"

#define READY_MS 10000
#define ATTACH_NS 5000000000u
#define LOG_TAIL 200
#define DEATH_MS 500

char *daemon_find_program(char *buf, size_t size)
{
	static const char *const places[] = {"revd", "../daemon/revd"};
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		struct stat st;

		*slash = '\0';
		snprintf(buf, size, "%s/%s", self, places[i]);
		if (stat(buf, &st) == 0 && S_ISREG(st.st_mode) && access(buf, X_OK) == 0) {
			return buf;
		}
	}
	snprintf(buf, size, "revd");
	return buf;
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
	fprintf(f, "[revd]\nlog_level = warning\nmax_request = 2M\n");
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		const char *key = bench_transport_key((enum bench_transport)i);

		if (!d->serves[i]) {
			continue;
		}
		fprintf(f, "[endpoint.%s]\nmax_peers = 20000\nmax_inflight = 8M\n", key);
		if (o->spin) {
			fprintf(f, "spin = %s\n", o->spin);
		}
		if (i == BENCH_FIFO) {
			fprintf(f, "transport = fifo\npath = %s/fifo\n", d->dir);
		} else if (i == BENCH_MQUEUE) {
			fprintf(f, "transport = mqueue\nqueue = %s\n", d->uri[i] + 7);
		} else {
			fprintf(f, "transport = uds\ntype = %s\npath = %s/%s\n", key, d->dir, key);
		}
	}
	return fclose(f) == 0 ? 0 : -errno;
}

static void name_endpoints(struct daemon *d, const char *name)
{
	snprintf(d->uri[BENCH_STREAM], DAEMON_URI, "uds:%s/stream", d->dir);
	snprintf(d->uri[BENCH_SEQPACKET], DAEMON_URI, "uds:%s/seqpacket", d->dir);
	snprintf(d->uri[BENCH_FIFO], DAEMON_URI, "fifo:%s/fifo", d->dir);
	snprintf(d->uri[BENCH_MQUEUE], DAEMON_URI, "mqueue:/revbench-%s-%d", name, (int)getpid());
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		d->serves[i] = true;
	}
}

static int open_notify(const struct daemon *d, struct sockaddr_un *ret)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/notify", d->dir);
	if (fd >= 0 && bind(fd, (struct sockaddr *)ret, sizeof(*ret)) < 0) {
		return fd_close(fd);
	}
	return fd;
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
	char path[128], config[128];
	struct sockaddr_un notify;
	const char *argv[] = {o->program, "-c", config, NULL};
	CLEANUP_FD int log = -1, sock = open_notify(d, &notify);
	uint64_t began;
	int r = write_config(d, o);

	snprintf(path, sizeof(path), "%s/log", d->dir);
	snprintf(config, sizeof(config), "%s/revd.conf", d->dir);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (r < 0 || sock < 0 || log < 0) {
		return bench_fail(err, r < 0 ? r : -errno, "%s: %s", d->dir, strerror(errno));
	}
	began = clock_now();
	r = proc_spawn(&d->proc, argv, notify.sun_path, log);
	r = r < 0 ? r : await_ready(d, sock);
	d->ready_ns = clock_now() - began;
	return r < 0 ? explain_start(d, o->program, r, err) : 0;
}

/* One exchange outside of all measurements. */
static int ask(const char *uri, enum rv_op op, const char *text, char *buf, size_t size,
	struct rv_err *err)
{
	struct revc_options o = {.timeout_us = ATTACH_NS / 1000};
	struct revc_reply reply;
	struct revc_err e;
	struct revc *c;
	int r = revc_open(uri, &o, &c, &e);

	if (r < 0) {
		return bench_fail(err, r, "%s", e.text);
	}
	r = revc_call(c, op, text, strlen(text), clock_now() + ATTACH_NS, &reply);
	if (r < 0) {
		revc_error(c, &e);
		bench_fail(err, r, "%s", e.text);
	} else {
		size_t n = MIN(reply.len, size - 1);

		memcpy(buf, reply.data, n);
		buf[n] = '\0';
		if (reply.status != RV_STATUS_OK) {
			r = bench_fail(err, -EPROTO, "%s: %s", uri, buf);
		}
	}
	revc_close(c);
	return r;
}

/* "key": value of a flat JSON text, without quotes; "" if it is not there. */
static void json_value(const char *json, const char *key, char *buf, size_t size)
{
	char quoted[40];
	const char *p;
	size_t n = 0;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	p = strstr(json, quoted);
	buf[0] = '\0';
	if (!p) {
		return;
	}
	p += strlen(quoted);
	p += strspn(p, " :\"");
	while (n + 1 < size && p[n] && !strchr(",\"}\n", p[n])) {
		buf[n] = p[n];
		n++;
	}
	buf[n] = '\0';
}

static int learn(struct daemon *d, const char *uri, struct rv_err *err)
{
	char info[4096], pid[16], reply[64];
	int r = ask(uri, RV_OP_INFO, "", info, sizeof(info), err);

	r = r < 0 ? r : ask(uri, RV_OP_CALL, "abc def", reply, sizeof(reply), err);
	if (r < 0) {
		return r;
	}
	json_value(info, "version", d->version, sizeof(d->version));
	json_value(info, "pid", pid, sizeof(pid));
	d->reverse = strcmp(reply, "fed cba") == 0;
	if (!d->reverse && strcmp(reply, "abc def") != 0) {
		return bench_fail(err, -EPROTO,
			"%s: its service neither reverses nor echoes, so its replies can't be"
			" checked",
			uri);
	}
	if (!d->proc.ours) {
		d->proc.pid = (pid_t)strtol(pid, NULL, 10);
	}
	return 0;
}

static int start_once(
	struct daemon *d, const struct daemon_options *o, bool with_queue, struct rv_err *err)
{
	int r;

	memset(d, 0, sizeof(*d));
	snprintf(d->dir, sizeof(d->dir), "%s/%s", o->parent, o->name);
	if (mkdir(d->dir, 0700) < 0) {
		r = -errno;
		d->dir[0] = '\0';
		return bench_fail(err, r, "%s/%s: %s", o->parent, o->name, strerror(-r));
	}
	name_endpoints(d, o->name);
	d->serves[BENCH_MQUEUE] = with_queue;
	r = start(d, o, err);
	r = r < 0 ? r : learn(d, d->uri[BENCH_STREAM], err);
	if (r < 0) {
		daemon_stop(d);
	}
	return r;
}

int daemon_start(struct daemon *d, const struct daemon_options *o, struct rv_err *err)
{
	struct rv_err again;

	if (start_once(d, o, true, err) == 0) {
		return 0;
	}
	/* A user's budget for queues is small, and others may have used it up. */
	if (start_once(d, o, false, &again) == 0) {
		const char *said = strstr(err->msg, "error: ");

		snprintf(d->note, sizeof(d->note), "mqueue is left out: %.200s",
			said ? said + strlen("error: ") : err->msg);
		return 0;
	}
	return -ECHILD;
}

static int find_transport(const char *uri, enum bench_transport *ret, struct rv_err *err)
{
	struct revc_options o = {.timeout_us = ATTACH_NS / 1000};
	struct revc_err e;
	struct revc *c;
	int r = revc_open(uri, &o, &c, &e);

	if (r < 0) {
		return bench_fail(err, r, "%s", e.text);
	}
	r = -ENOTSUP;
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		if (strcmp(revc_transport(c), bench_transport_name((enum bench_transport)i)) == 0) {
			*ret = (enum bench_transport)i;
			r = 0;
		}
	}
	if (r < 0) {
		bench_fail(err, r, "%s: %s can't be measured", uri, revc_transport(c));
	}
	revc_close(c);
	return r;
}

int daemon_attach(struct daemon *d, const char *uri, struct rv_err *err)
{
	enum bench_transport t;
	int r;

	memset(d, 0, sizeof(*d));
	d->attached = true;
	if (strlen(uri) >= DAEMON_URI) {
		return bench_fail(err, -ENAMETOOLONG, "%s: too long", uri);
	}
	r = find_transport(uri, &t, err);
	if (r < 0) {
		return r;
	}
	d->serves[t] = true;
	snprintf(d->uri[t], DAEMON_URI, "%s", uri);
	return learn(d, uri, err);
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
		const char *queue = d->uri[BENCH_MQUEUE] + strlen("mqueue:");

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
