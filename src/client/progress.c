#include "client/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/macro.h"

#define FIRST_NS 1000000000u
#define STEP_NS 200000000u
#define MIB 1048576.0

void progress_init(struct progress *g, uint64_t total)
{
	*g = (struct progress){.total = total, .start_ns = clock_now()};
	/* On one and the same terminal the line would end up among the replies. */
	g->on = total > 0 && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	g->next_ns = g->start_ns + FIRST_NS;
}

void progress_update(struct progress *g, uint64_t bytes)
{
	uint64_t now, done = MIN(g->done + bytes, g->total);
	double seconds, rate;

	if (!g->on) {
		return;
	}
	now = clock_now();
	if (now < g->next_ns) {
		return;
	}
	seconds = (double)(now - g->start_ns) / 1e9;
	rate = (double)done / seconds;
	(void)fprintf(stderr, "\r%3.0f %%  %.1f of %.1f MiB, %.1f MiB/s, %.0f s left \033[K",
		100.0 * (double)done / (double)g->total, (double)done / MIB, (double)g->total / MIB,
		rate / MIB, rate > 0 ? (double)(g->total - done) / rate : 0.0);
	g->shown = true;
	g->next_ns = now + STEP_NS;
}

void progress_clear(struct progress *g)
{
	if (g->shown) {
		(void)fputs("\r\033[K", stderr);
		g->shown = false;
	}
}
