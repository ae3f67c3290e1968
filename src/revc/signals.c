#include "revc/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

int signals_open(const char *uri, const struct revc_options *options, struct revc **ret,
	struct revc_err *err)
{
	/* A socket has no reply name, but a full backlog may make it wait: ^C must work. */
	bool has_name = strncmp(uri, "uds:", 4) != 0;
	sigset_t set, old;
	struct revc *s = NULL;
	int r;

	fill_set(&set);
	if (has_name) {
		sigprocmask(SIG_BLOCK, &set, &old);
	}
	r = revc_open(uri, options, &s, err);
	current = s;
	if (has_name) {
		sigprocmask(SIG_SETMASK, &old, NULL);
	}
	if (r == 0) {
		*ret = s;
	}
	return r;
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
