#include "load/events.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/macro.h"

static pid_t run(const char *command)
{
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* The one with the largest part still to do; NULL: none. */
static struct event *choose(struct events *es)
{
	struct event *best = NULL;

	for (size_t i = 0; i < es->n; i++) {
		struct event *e = &es->list[i];

		if (e->done < e->count &&
			(!best || e->done * best->count < best->done * e->count)) {
			best = e;
		}
	}
	return best;
}

static void look_after(struct events *es, uint64_t now)
{
	struct event *e = es->running;
	int status;

	if (es->pid > 0 && waitpid(es->pid, &status, WNOHANG) == 0) {
		return;
	}
	e->failed += es->pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	e->done++;
	e->longest = MAX(e->longest, now - es->started_at);
	es->running = NULL;
	es->next_at = now + es->every;
}

enum events_say events_turn(struct events *es, uint64_t now)
{
	if (es->running) {
		look_after(es, now);
		return EVENTS_NOTHING;
	}
	if (es->next_at == 0) {
		es->next_at = now + es->every;
	}
	/* What the last one does may still be felt: its time is the same as that of the others. */
	if (now < es->next_at && es->n > 0) {
		return EVENTS_NOTHING;
	}
	es->running = choose(es);
	if (!es->running) {
		return EVENTS_OVER;
	}
	es->started_at = now;
	es->pid = run(es->running->command);
	return EVENTS_STARTED;
}

uint64_t events_failed(const struct events *es)
{
	uint64_t n = 0;

	for (size_t i = 0; i < es->n; i++) {
		n += es->list[i].failed;
	}
	return n;
}
