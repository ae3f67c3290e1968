#include "revc/top.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "librevc/error.h"
#include "revc/screen.h"
#include "util/clock.h"

#define INTERVAL_NS UINT64_C(1000000000)
#define PATIENCE_US 1000000u        /* with one question; keys wait for it */
#define TOLD_NS (10 * INTERVAL_NS) /* how long a restart is told of */

struct top {
	struct arguments arguments; /* with our own patience */
	struct ask ask;
	bool is_open;
	struct snapshot now, before; /* .stats NULL: there is none */
	uint64_t pid;                /* of the daemon when it answered last; 0: never yet */
	double uptime;               /* and its age then */
	char says[400];
	uint64_t says_until; /* UINT64_MAX: until it answers */
};

static volatile sig_atomic_t deadly;

static void on_signal(int sig)
{
	deadly = sig;
}

/* They end the loop, so that the terminal is put back first. */
static void catch_signals(void)
{
	const struct sigaction sa = {.sa_handler = on_signal};

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
}

static void hang_up(struct top *t)
{
	if (t->is_open) {
		ask_close(&t->ask);
		t->is_open = false;
	}
}

static void forget(struct top *t)
{
	snapshot_finish(&t->now);
	snapshot_finish(&t->before);
}

static void tell_restart(struct top *t)
{
	time_t now = time(NULL);
	struct tm tm;
	char at[16] = "";

	if (localtime_r(&now, &tm)) {
		(void)strftime(at, sizeof(at), "%H:%M:%S", &tm);
	}
	(void)snprintf(t->says, sizeof(t->says), "the daemon was restarted, seen at %s", at);
	t->says_until = clock_now() + TOLD_NS;
}

static void take_over(struct top *t, struct snapshot *s)
{
	bool restarted = t->pid != 0 && (s->pid != t->pid || s->uptime < t->uptime);

	if (restarted) {
		forget(t);
		tell_restart(t);
	} else if (t->says_until == UINT64_MAX || clock_now() >= t->says_until) {
		t->says[0] = '\0';
	}
	snapshot_finish(&t->before);
	t->before = t->now;
	t->now = *s;
	t->pid = s->pid;
	t->uptime = s->uptime;
}

/* Asks once. Returns the exit code. */
static int look(struct top *t)
{
	struct snapshot s;
	char why[300];
	int code;

	if (!t->is_open) {
		ask_open(&t->ask, &t->arguments, t->arguments.uri);
		t->is_open = true;
	}
	code = snapshot_take(&s, &t->ask, why, sizeof(why));
	if (code == 0) {
		take_over(t, &s);
		return 0;
	}
	hang_up(t);
	forget(t);
	(void)snprintf(t->says, sizeof(t->says), "no answer, trying again: %s", why);
	t->says_until = UINT64_MAX;
	return code;
}

static void draw(const struct top *t)
{
	screen_draw(t->arguments.uri, t->now.stats ? &t->now : NULL,
		t->before.stats ? &t->before : NULL, t->says);
}

static void show(struct top *t)
{
	uint64_t next = clock_now() + INTERVAL_NS;
	enum screen_key key = SCREEN_NONE;

	draw(t);
	while (key != SCREEN_QUIT && !deadly) {
		uint64_t now = clock_now();

		if (now >= next) {
			(void)look(t);
			next = clock_now() + INTERVAL_NS;
			draw(t);
			continue;
		}
		key = screen_wait((int)((next - now) / 1000000u) + 1);
		if (key == SCREEN_RESIZED) {
			draw(t);
		}
	}
}

/* ^C is as good an end as q; others end the process as they should. */
static int end(void)
{
	if (deadly && deadly != SIGINT) {
		(void)signal(deadly, SIG_DFL);
		(void)raise(deadly);
	}
	return 0;
}

int top_run(const struct arguments *o)
{
	struct top t = {.arguments = *o};
	int code;

	t.arguments.session.timeout_us =
		o->session.timeout_us ? MIN(o->session.timeout_us, PATIENCE_US) : PATIENCE_US;
	code = look(&t);
	if (code != 0) {
		(void)fprintf(stderr, "revc: %s: %s\n", o->uri,
			strstr(t.says, ": ") ? strstr(t.says, ": ") + 2 : t.says);
		return code;
	}
	if (screen_open() < 0) {
		(void)fputs("revc: --top needs a terminal that can move its cursor; --stats needs none\n",
			stderr);
		code = EXIT_USAGE;
	} else {
		catch_signals();
		show(&t);
		screen_close();
		code = end();
	}
	hang_up(&t);
	forget(&t);
	return code;
}
