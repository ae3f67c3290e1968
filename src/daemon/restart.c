#include "daemon/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "daemon/starts.h"
#include "util/fd.h"
#include "util/process.h"
#include "util/log.h"

#define DELETED " (deleted)" /* behind the name of a program that was replaced */

/* The name that this program had when it was started: a newer one may have it by now. */
static char *find_program(void)
{
	char buf[4096];
	ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
	size_t k = strlen(DELETED);

	if (n <= 0) {
		return NULL;
	}
	buf[n] = '\0';
	if ((size_t)n > k && strcmp(buf + n - k, DELETED) == 0) {
		buf[(size_t)n - k] = '\0';
	}
	return strdup(buf);
}

void restart_init(struct restart *r, struct configuration *conf, struct server *server,
	struct event_base *base, void (*in_vain)(void *ctx), void *ctx)
{
	*r = (struct restart){.conf = conf,
		.server = server,
		.base = base,
		.program = find_program(),
		.in_vain = in_vain,
		.ctx = ctx};
}

void restart_finish(struct restart *r)
{
	trial_finish(&r->trial);
	free(TAKE_PTR(r->program));
}

static const char *config_file(const struct restart *r)
{
	return r->conf->paths.optional ? NULL : r->conf->paths.file;
}

static void go_ahead(struct restart *r)
{
	if (r->way == RESTART_BY_MANAGER) {
		log_info("handing over to the service manager");
	} else {
		log_info("restarting as %s", r->program);
	}
	server_quiesce(r->server);
}

static void on_tried(void *ctx, bool fine)
{
	struct restart *r = ctx;

	if (fine) {
		go_ahead(r);
	} else if (r->way == RESTART_BY_MANAGER) {
		log_error("the next process will not start with this configuration: what was "
			  "received is answered, and connections end");
		r->way = RESTART_NONE;
		r->in_vain(r->ctx);
	} else {
		log_error("%s does not run with this configuration, so this process goes on",
			r->program);
		r->way = RESTART_NONE;
	}
}

/* False: it can't be tried. */
static bool begin_trial(struct restart *r, enum restart_way way)
{
	int k = r->program
			? trial_start(&r->trial, r->base, r->program, config_file(r), on_tried, r)
			: -ENOENT;

	if (k < 0 && way == RESTART_BY_EXEC) {
		log_error("cannot run %s, so this process goes on: %s",
			r->program ? r->program : "the program", strerror(-k));
	}
	return k == 0;
}

bool restart_begin(struct restart *r, enum restart_way way)
{
	if (r->way != RESTART_NONE) {
		r->way = way == RESTART_BY_MANAGER ? way : r->way; /* which can't be refused */
		return way == RESTART_BY_MANAGER;
	}
	if (r->conf->source.text) {
		log_notice("what serves --stdio can't be replaced");
		return false;
	}
	r->way = way;
	if (begin_trial(r, way)) {
		return true;
	}
	if (way == RESTART_BY_EXEC) {
		r->way = RESTART_NONE;
		return false;
	}
	go_ahead(r);
	return true;
}

/* By way of the manager. */

static int give_to_manager(const int ends[PARCEL_ENDS])
{
	int r;

	starts_forget();
	r = systemd_store(SYSTEMD_STATE, ends, PARCEL_ENDS);

	if (r < 0) {
		log_error("the service manager does not take what is to be kept: %s", strerror(-r));
		return r;
	}
	systemd_barrier();
	log_info("handed over");
	return 0;
}

/* By execve(2), which leaves descriptors at the numbers that sd_listen_fds(3) says. */

struct passed {
	int *fds;
	size_t n;
	char *names; /* as LISTEN_FDNAMES has them */
};

static int collect(const struct restart *r, const int ends[PARCEL_ENDS], struct passed *ret)
{
	const struct inherited *in = &r->conf->inherited;
	size_t size;
	FILE *names;

	ret->fds = calloc(in->given.n + PARCEL_ENDS, sizeof(*ret->fds));
	names = ret->fds ? open_memstream(&ret->names, &size) : NULL;
	if (!names) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < in->given.n; i++) {
		if (in->copies[i] >= 0) {
			ret->fds[ret->n++] = in->copies[i];
			fprintf(names, "%s:", in->given.names[i]);
		}
	}
	for (size_t i = 0; i < PARCEL_ENDS; i++) {
		ret->fds[ret->n++] = ends[i];
		fprintf(names, "%s%s", SYSTEMD_STATE, i + 1 < PARCEL_ENDS ? ":" : "");
	}
	return fclose(names) == 0 ? 0 : -ENOMEM;
}

/* Out of the way first, then to their places. */
static int place(struct passed *p)
{
	const int first = SYSTEMD_FIRST_FD;

	for (size_t i = 0; i < p->n; i++) {
		p->fds[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC, first + (int)p->n);
		if (p->fds[i] < 0) {
			return -errno;
		}
	}
	for (size_t i = 0; i < p->n; i++) {
		if (dup2(p->fds[i], first + (int)i) < 0) {
			return -errno;
		}
	}
	return 0;
}

static int tell(const struct passed *p)
{
	char pid[24], n[24];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	snprintf(n, sizeof(n), "%zu", p->n);
	return setenv("LISTEN_PID", pid, 1) < 0 || setenv("LISTEN_FDS", n, 1) < 0 ||
			       setenv("LISTEN_FDNAMES", p->names, 1) < 0
		       ? -errno
		       : 0;
}

static int execute(const struct restart *r, const int ends[PARCEL_ENDS])
{
	const char *file = config_file(r);
	char *argv[] = {
		r->program, (char *)(uintptr_t)(file ? "-c" : NULL), (char *)(uintptr_t)file, NULL};
	struct passed p = {0};
	int k = collect(r, ends, &p);

	k = k < 0 ? k : place(&p);
	k = k < 0 ? k : tell(&p);
	if (k == 0) {
		/* Without handlers, as it is until the next process has its own, they are deadly.
		 */
		process_block();
		execv(r->program, argv);
		k = -errno;
	}
	log_error("cannot become %s: %s", r->program, strerror(-k));
	return k; /* the process ends: what is left is not worth freeing */
}

static int pack(struct restart *r, int ends[PARCEL_ENDS])
{
	struct parcel parcel = {0};
	size_t lost = 0;
	int k;

	server_hand_over(r->server, &parcel);
	k = parcel_seal(&parcel, ends, &lost);
	parcel_finish(&parcel);
	if (k < 0) {
		log_error("cannot hand over, so all connections end: %s", strerror(-k));
	} else if (lost > 0) {
		log_error("the system has no room for %zu of the descriptors: their connections "
			  "end (RLIMIT_NOFILE limits what is on its way)",
			lost);
	}
	return k;
}

void restart_go(struct restart *r)
{
	int ends[PARCEL_ENDS];
	int k = pack(r, ends);

	registry_finish_backends(r->conf->registry);
	if (k == 0) {
		k = r->way == RESTART_BY_EXEC ? execute(r, ends) : give_to_manager(ends);
	}
	(void)fflush(stdout);
	_exit(k < 0 ? EXIT_FAILURE : EXIT_SUCCESS); /* nothing may be closed or removed */
}
