#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "bench/load.h"
#include "bench/options.h"
#include "bench/run.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/process.h"

/* Set by the handler of SIGINT and SIGTERM, which can reach nothing else. */
static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

static int set_up_process(void)
{
	struct sigaction sa = {.sa_handler = on_stop};
	struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1UL); /* requests at fixed times need exact sleeps */
	fd_raise_limit();
	/* Queues for 50 clients are over the default budget of a user; root may raise it,
	 * and for others the contender says that it was left out. */
	(void)setrlimit(RLIMIT_MSGQUEUE, &rl);
	if (sigaction(SIGINT, &sa, NULL) < 0 || sigaction(SIGTERM, &sa, NULL) < 0) {
		return -errno;
	}
	return load_init();
}

int main(int argc, char **argv)
{
	struct options options;
	int r;

	process_init(PROCESS_TOOL);
	log_init("revbench");
	r = options_parse(&options, argc, argv);
	if (r >= 0) {
		return r;
	}
	r = set_up_process();
	if (r < 0) {
		log_error("signals: %s", strerror(-r));
	} else {
		r = run_all(&options, &stop);
	}
	options_finish(&options);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
