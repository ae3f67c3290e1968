#include "revc/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/clock.h"

#define SHORTAGE_US 3000000u
#define SLICE_US 50000u

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP};

/* The one thing that a handler has to know; written with the signals blocked. */
static struct revc *volatile current;

static void on_deadly(int sig)
{
	if (current) {
		revc_unlink_reply(current);
	}
	/* SA_RESETHAND has put the default action back. */
	raise(sig);
}

static void fill_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++) {
		sigaddset(set, deadly[i]);
	}
}

void signals_install(void)
{
	struct sigaction sa = {.sa_handler = on_deadly, .sa_flags = (int)SA_RESETHAND};
	struct sigaction old;

	fill_set(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++) {
		/* nohup and shells' background jobs ignore them: so be it */
		if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
			sigaction(deadly[i], &sa, NULL);
		}
	}
	signal(SIGPIPE, SIG_IGN);
}

/* With the signals blocked: none may come between a name and `current`. */
static int open_blocked(const char *uri, const struct revc_options *options, struct revc **ret,
	struct revc_err *err)
{
	sigset_t set, old;
	int r;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	r = revc_open(uri, options, ret, err);
	current = r == 0 ? *ret : NULL;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

/* Where queues are short it waits, as long as a daemon may take to let go of others', and
 * in slices: ^C must work. */
static int open_named(const char *uri, const struct revc_options *options, struct revc **ret,
	struct revc_err *err)
{
	struct revc_options slice = *options;
	uint64_t timeout = options->timeout_us ? options->timeout_us : REVC_TIMEOUT_US;
	uint64_t deadline = clock_now() + MIN(timeout, (uint64_t)SHORTAGE_US) * 1000;
	int r;

	slice.timeout_us = SLICE_US;
	do {
		r = open_blocked(uri, &slice, ret, err);
	} while ((r == -EMFILE || r == -ENOSPC) && clock_now() < deadline);
	return r;
}

int signals_open(const char *uri, const struct revc_options *options, struct revc **ret,
	struct revc_err *err)
{
	/* The others have no reply name, but may wait: for a full backlog, for a terminal. */
	return strncmp(uri, "fifo:", 5) == 0 || strncmp(uri, "mqueue:", 7) == 0
		       ? open_named(uri, options, ret, err)
		       : revc_open(uri, options, ret, err);
}

void signals_close(struct revc *s)
{
	sigset_t set, old;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	current = NULL;
	revc_close(s);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

void signals_die_of_pipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	_exit(EXIT_FAILURE);
}
