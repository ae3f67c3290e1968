#include "bench/nats_floor.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "bench/link_nats.h"
#include "librevc/nats_module.h"
#include "util/log.h"

#define SUBJECT "revbench.floor"

int nats_floor_run(const char *url, const char *subject)
{
	const struct natslink_ops *ops;
	char why[NATSLINK_WHY] = "the module for NATS is not installed";
	int r = nats_module_get(&ops);

	r = r < 0 ? r : ops->echo(url, subject, why);
	log_error("%s: %s", url, why);
	return r < 0 ? EX_UNAVAILABLE : EX_OK;
}

static int open_link(struct rig *s, const struct bench_load *load, unsigned i, const char *url,
	struct rv_err *err)
{
	const struct script_shape shape = {.form = SCRIPT_BARE,
		.size = load->size,
		.client = i,
		.in_flight = bench_load_in_flight(load)};
	struct link *l = &s->target.links[i];
	int r = script_init(&l->script, &shape);

	r = r < 0 ? bench_fail(err, r, "out of memory") : link_nats_open(l, url, SUBJECT, err);
	return r < 0 || i > 0 ? r : link_nats_await(l, err);
}

int nats_floor_open(
	struct rig *s, const struct bench_load *load, const char *url, struct rv_err *err)
{
	/* Not a fork of this process, where libnats may have threads. */
	const char *const argv[] = {"/proc/self/exe", NATS_FLOOR_OPTION, url, SUBJECT, NULL};
	int r = rig_links(s, load, BENCH_NATS, load->size, err);

	if (r < 0) {
		return r;
	}
	r = proc_spawn(&s->server, argv, NULL, -1);
	if (r < 0) {
		return bench_fail(err, r, "floor nats: %s", strerror(-r));
	}
	for (unsigned i = 0; i < s->target.n_links && r == 0; i++) {
		r = open_link(s, load, i, url, err);
	}
	return r;
}
