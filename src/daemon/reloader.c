#include "daemon/reloader.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
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
#include "util/quote.h"

#define PATIENCE_NS UINT64_C(90000000000) /* as long as systemd waits by default */
#define FLAG_LISTENS 0x10000u              /* __SO_ACCEPTCON in /proc/net/unix */

enum result { FAILED = -1, REFUSED, RELOADED };

static enum result tell(const char *uri, const struct revc_reply *reply)
{
	char said[300];

	quote_text(reply->data, reply->len, said, sizeof(said));
	if (reply->status == RV_STATUS_OK) {
		printf("%s: reloaded, %s\n", uri, said);
		return RELOADED;
	}
	if (reply->status == RV_STATUS_UNSUPPORTED) {
		log_error("%s: that daemon is too old to be asked: send it SIGHUP", uri);
	} else if (reply->status == RV_STATUS_DENIED) {
		log_error("%s: %s", uri, said);
	} else {
		log_error("%s: %s; the old configuration stays", uri, said);
	}
	return REFUSED;
}

/* FAILED: nobody could be asked there, for the reason in err. */
static enum result ask(const char *uri, struct revc_err *err)
{
	struct revc_reply reply;
	struct revc *s;
	enum result r = FAILED;

	if (revc_open(uri, NULL, &s, err) < 0) {
		return FAILED;
	}
	if (revc_call(s, RV_OP_RELOAD, NULL, 0, clock_now() + PATIENCE_NS, &reply) < 0) {
		revc_error(s, err);
	} else {
		r = tell(uri, &reply);
	}
	revc_close(s);
	return r;
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

/* Asks at the first address of the process that answers. */
static enum result ask_process(pid_t pid, struct revc_err *err)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512], uri[REVC_URI_MAX];
	enum result r = FAILED;

	while (f && r == FAILED && fgets(line, sizeof(line), f)) {
		if (listens_at(pid, line, uri)) {
			r = ask(uri, err);
		}
	}
	if (f) {
		fclose(f);
	}
	return r;
}

/* A daemon without a Unix socket can only be told, not asked. */
static int tell_process(pid_t pid)
{
	if (kill(pid, SIGHUP) < 0) {
		log_error("process %d: %s", (int)pid, strerror(errno));
		return EXIT_FAILURE;
	}
	log_warning("process %d has no Unix socket that answers: sent SIGHUP, the log has the "
		    "result",
		(int)pid);
	return EXIT_SUCCESS;
}

static enum result ask_config(const struct config *config, struct revc_err *err)
{
	enum result r = FAILED;

	for (size_t i = 0; i < config->n_endpoints && r == FAILED; i++) {
		if (strncmp(config->endpoints[i].address, "uds:", 4) == 0) {
			r = ask(config->endpoints[i].address, err);
		}
	}
	return r;
}

int reloader_run(const struct config *config)
{
	const char *text = getenv("MAINPID");
	pid_t pid = text ? (pid_t)strtol(text, NULL, 10) : 0;
	struct revc_err err = {.text = "the configuration has no Unix socket where a daemon "
				       "could be asked"};
	enum result r = pid > 0 ? ask_process(pid, &err) : ask_config(config, &err);

	if (r == FAILED && pid > 0) {
		return tell_process(pid);
	}
	if (r == FAILED) {
		log_error("%s", err.text);
		return EX_UNAVAILABLE;
	}
	return r == RELOADED ? EXIT_SUCCESS : EXIT_FAILURE;
}
