#include "load.h"

#include <stdio.h>
#include "proto/status.h"
#include "revc/pipeline.h"
#include "util/clock.h"

static int deliver(void *ctx, const struct pipeline_result *result)
{
	load_answer(ctx, result->tag, result->status == RV_STATUS_OK, result->data, result->len,
		result->ns);
	return 0;
}

static int ask_all(struct load *l, struct pipeline *p)
{
	char text[LOAD_TEXT];
	int r = 0;

	while (r == 0 && !load_ends) {
		r = pipeline_push(p, RV_OP_CALL, l->sent, text, load_text(l, l->sent, text));
		l->sent += r == 0;
	}
	return r < 0 ? r : pipeline_drain(p);
}

int load_as_revc(struct load *l)
{
	const struct revc_options options = {0};
	struct pipeline p;
	struct revc_err err;
	int r = pipeline_init(&p, l->uri, &options, deliver, l, &err);

	if (r < 0) {
		(void)fprintf(stderr, "cluster_load: %s\n", err.text);
		return err.exit_code;
	}
	l->began_ns = l->last_ns = clock_now();
	r = ask_all(l, &p);
	if (r < 0) {
		(void)fprintf(stderr, "cluster_load: %s\n", p.err.text);
	}
	pipeline_finish(&p);
	return r < 0 ? p.err.exit_code : 0;
}
