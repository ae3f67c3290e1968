#include "daemon/reloader.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <revd/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "proto/status.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/num.h"
#include "util/quote.h"

#define PATIENCE_NS UINT64_C(60000000000)  /* systemd waits for 90 s by default */
#define REMAKE_MS 3000                     /* how long a name may take to be made again */
#define FLAG_LISTENS 0x10000u              /* __SO_ACCEPTCON in /proc/net/unix */

/* UNASKED: nobody could be asked there, for the reason in err. */
enum result { UNASKED, REFUSED, UNKNOWN, RELOADED };

/* origin: which configuration is meant; NULL: any. */
static enum result judge(
	const char *uri, const struct revc_reply *reply, const char *origin, struct revc_err *err)
{
	char said[300], wanted[200] = "";
	size_t n, k;

	quote_text(reply->data, reply->len, said, sizeof(said));
	switch (reply->status) {
	case RV_STATUS_OK:
		break;
	case RV_STATUS_INTERNAL:
		log_error("%s: %s; the old configuration stays", uri, said);
		return REFUSED;
	case RV_STATUS_STOPPING:
		log_error("%s: %s", uri, said);
		return REFUSED;
	default: /* perhaps we are welcome at another of its endpoints */
		(void)snprintf(err->text, sizeof(err->text), "%.255s: %s: %.100s", uri,
			status_name(reply->status), said);
		return UNASKED;
	}
	if (origin) {
		(void)snprintf(wanted, sizeof(wanted), RELOADER_ORIGIN, origin);
	}
	n = reply->len;
	k = strlen(wanted);
	if (n < k || memcmp(reply->data + n - k, wanted, k) != 0) {
		log_error("%s: reloaded, %s; it does not read %s", uri, said, origin);
		return REFUSED;
	}
	(void)printf("%s: reloaded, %s\n", uri, said);
	return RELOADED;
}

static enum result ask(const char *uri, const char *origin, struct revc_err *err)
{
	struct revc_reply reply;
	struct revc *s;
	enum result result = UNASKED;
	int r;

	if (revc_open(uri, NULL, &s, err) < 0) {
		return UNASKED;
	}
	r = revc_call(s, RV_OP_RELOAD, NULL, 0, clock_now() + PATIENCE_NS, &reply);
	if (r == 0) {
		result = judge(uri, &reply, origin, err);
	} else {
		revc_error(s, err);
	}
	if (r == -ETIMEDOUT) {
		log_error("%s; its log will have the result", err->text);
		result = UNKNOWN;
	}
	revc_close(s);
	return result;
}

/* Does the process have the socket open? */
static bool has_socket(pid_t pid, uint64_t inode)
{
	char path[64], want[32], link[64];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	snprintf(want, sizeof(want), "socket:[%" PRIu64 "]", inode);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		found = strcmp(link, want) == 0;
	}
	if (dir) {
		closedir(dir);
	}
	return found;
}

/* The address of a line of /proc/net/unix, proc(5), if the process listens there. */
static bool listens_at(pid_t pid, const char *line, char uri[REVC_URI_MAX])
{
	unsigned flags = 0;
	uint64_t inode = 0;
	int at = 0;

	if (sscanf(line, "%*[^:]: %*s %*s %x %*s %*s %" SCNu64 " %n", &flags, &inode, &at) != 2 ||
		!(flags & FLAG_LISTENS) || at == 0 || !line[at] || !has_socket(pid, inode)) {
		return false;
	}
	snprintf(uri, REVC_URI_MAX, "uds:%.*s", (int)strcspn(line + at, "\n"), line + at);
	return true;
}

/* Asks at the first address of the process where that is possible. *ret_n: how many it has. */
static enum result ask_process(pid_t pid, size_t *ret_n, struct revc_err *err)
{
	FILE *f = fopen("/proc/self/net/unix", "re"); /* a service may not see /proc/net */
	char line[512], uri[REVC_URI_MAX];
	enum result r = UNASKED;

	*ret_n = 0;
	while (f && r == UNASKED && fgets(line, sizeof(line), f)) {
		if (listens_at(pid, line, uri)) {
			++*ret_n;
			r = ask(uri, NULL, err);
		}
	}
	if (f) {
		(void)fclose(f);
	}
	return r;
}

/* A daemon whose names are lost can't be asked, but told to make them again. */
static enum result tell_process(pid_t pid, struct revc_err *err)
{
	const uint64_t end = clock_now() + REMAKE_MS * UINT64_C(1000000);
	enum result r = UNASKED;
	size_t n = 1;

	if (kill(pid, SIGHUP) < 0) {
		log_error("process %d: %s", (int)pid, strerror(errno));
		return REFUSED;
	}
	while (r == UNASKED && n > 0 && clock_now() < end) {
		(void)poll(NULL, 0, 50);
		r = ask_process(pid, &n, err);
	}
	if (r == UNASKED) {
		log_error("process %d was sent SIGHUP, and its log has the result; it can't be "
			  "asked: %s",
			(int)pid, n ? err->text : "it has no Unix socket");
	}
	return r;
}

static enum result reload_process(pid_t pid)
{
	struct revc_err err = {0};
	size_t n;
	enum result r = ask_process(pid, &n, &err);

	return r == UNASKED ? tell_process(pid, &err) : r;
}

/* The daemon that serves the configuration, which it may have been told another way. */
static enum result reload_served(const struct config *config, const char *origin)
{
	struct revc_err err = {.text = "the configuration has no Unix socket where a daemon "
				       "could be asked"};
	enum result r = UNASKED;

	for (size_t i = 0; i < config->n_endpoints && r == UNASKED; i++) {
		if (strncmp(config->endpoints[i].address, "uds:", 4) == 0) {
			r = ask(config->endpoints[i].address, origin, &err);
		}
	}
	if (r == UNASKED) {
		log_error("%s", err.text);
	}
	return r;
}

static int exit_code(enum result r)
{
	return r == RELOADED ? EXIT_SUCCESS : r == UNASKED ? EX_UNAVAILABLE : EXIT_FAILURE;
}

int reloader_run(struct configuration *conf)
{
	const char *text = getenv("MAINPID");
	CLEANUP(config_destroy_p) struct config *config = NULL;
	uint64_t pid;

	if (text && num_parse_uint(text, &pid) == 0 && pid > 1 && pid <= INT_MAX) {
		return exit_code(reload_process((pid_t)pid));
	}
	configuration_leave(conf); /* so that it is called as the daemon calls it */
	config = configuration_read(conf);
	if (!config) {
		return EX_CONFIG;
	}
	return exit_code(reload_served(config, conf->paths.optional ? NULL : config->origin));
}
