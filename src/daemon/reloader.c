#include "daemon/reloader.h"

#include <errno.h>
#include <limits.h>
#include <revd/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>
#include "daemon/control.h"
#include "proto/status.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/num.h"
#include "util/quote.h"

#define PATIENCE_NS UINT64_C(60000000000)  /* systemd waits for 90 s by default */

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

static int connect_to(pid_t pid)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	socklen_t n = control_address(pid, &sa);

	return fd < 0 || connect(fd, (struct sockaddr *)&sa, n) < 0 ? -errno : TAKE_FD(fd);
}

/* The process itself, whatever it serves. */
static enum result reload_process(pid_t pid)
{
	CLEANUP_FD int fd = connect_to(pid);
	const struct timeval patience = {.tv_sec = PATIENCE_NS / 1000000000u};
	char text[CONTROL_ANSWER + 1];
	ssize_t n;

	if (fd < 0 && kill(pid, 0) < 0 && errno == ESRCH) {
		log_error("process %d: %s", (int)pid, strerror(ESRCH));
		return REFUSED;
	}
	if (fd < 0) {
		log_error("process %d can't be asked: %s", (int)pid,
			fd == -ECONNREFUSED ? "it is no revd that serves, or it is in another "
					      "network namespace"
					    : strerror(-fd));
		return UNASKED;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n <= 0) {
		log_error("process %d does not answer; its log will have the result", (int)pid);
		return UNKNOWN;
	}
	text[n] = '\0';
	if (text[0] != CONTROL_DONE) {
		log_error("process %d: %s; the old configuration stays", (int)pid, text + 1);
		return REFUSED;
	}
	(void)printf("process %d: reloaded, %s\n", (int)pid, text + 1);
	return RELOADED;
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
