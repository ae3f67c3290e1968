#include "bench/progress.h"

#include <stdio.h>
#include <unistd.h>

void progress_init(struct progress *p, bool quiet, uint64_t slice_ns, uint64_t slices)
{
	*p = (struct progress){
		.shown = !quiet && isatty(STDERR_FILENO),
		.slice_ns = slice_ns,
		.slices = slices,
	};
}

void progress_slice(struct progress *p, const struct bench_group *g, unsigned round)
{
	uint64_t left = p->slices > p->done ? p->slices - p->done : 0;
	char load[96];

	p->done++;
	if (!p->shown) {
		return;
	}
	fprintf(stderr, "\r\033[K%3.0f %%  %s, %s: round %u, about %.0f s left",
		100.0 * (double)(p->done - 1) / (double)MAX(p->slices, 1u),
		bench_load_text(&g->load, load, sizeof(load)), bench_regime_name(g->regime),
		round + 1, (double)left * (double)p->slice_ns * 1.1e-9);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown) {
		fprintf(stderr, "\r\033[K");
		fflush(stderr);
	}
	p->shown = false;
}
