#include "revc/command.h"

#include <stdio.h>
#include <string.h>
#include "librevc/error.h"
#include "librevc/nats_gather.h"
#include "revc/answer.h"
#include "revc/ask.h"
#include "revc/daemons.h"
#include "revc/table.h"
#include "util/hist.h"
#include "util/json.h"

#define PING "ping"

static int complain(const struct ask *a, const char *sentence)
{
	(void)fprintf(stderr, "revc: %s: %s\n", a->uri, sentence);
	return EXIT_FAILURE;
}

static void show_ping(const struct ask *a)
{
	struct json_writer j = {.file = stdout};

	if (!a->arguments->json) {
		(void)printf("pong from %s (%s): %.3f ms\n", a->uri, revc_transport(a->s), a->ms);
		return;
	}
	json_write_object(&j, NULL);
	json_write_string(&j, "endpoint", a->uri);
	json_write_string(&j, "transport", revc_transport(a->s));
	json_write_double(&j, "ms", a->ms, 3);
	json_write_end(&j);
	(void)putchar('\n');
}

static void show_round_trips(const struct hist *h, double best)
{
	(void)printf("%llu round trips: best %.3f ms, half within %.3f ms, 99 %% within %.3f ms, "
		     "worst %.3f ms\n",
		(unsigned long long)h->count, best, (double)hist_quantile(h, 0.5) / 1e6,
		(double)hist_quantile(h, 0.99) / 1e6, (double)h->max / 1e6);
}

static int ping(struct ask *a)
{
	struct hist h = {0};
	double best = 0;

	for (uint32_t i = 0; i < a->arguments->count; i++) {
		if (ask(a, RV_OP_PING, PING) != 0) {
			return ask_complain(a);
		}
		if (a->n != strlen(PING) || memcmp(a->data, PING, a->n) != 0) {
			return complain(a, "the reply to a ping is not what was sent");
		}
		show_ping(a);
		best = i == 0 || a->ms < best ? a->ms : best;
		hist_add(&h, (uint64_t)(a->ms * 1e6), 1);
		(void)fflush(stdout);
	}
	if (a->arguments->count > 1 && !a->arguments->json) {
		show_round_trips(&h, best);
	}
	return 0;
}

/* Behind a broker all daemons answer, if no number of round trips is asked for. */
static int ping_them(struct ask *a)
{
	size_t n = 0;
	int code = a->s && nats_subject(a->s) && !a->arguments->counted ? daemons_show(a, true, &n)
									: 0;

	/* Others than revd may serve there, and not tell of themselves. */
	return code == 0 && n == 0 ? ping(a) : code;
}

/* JSON as the daemon said it, or shown to people by `print`. */
static int show(struct ask *a, enum rv_op op, int (*print)(const void *text, size_t n, FILE *to))
{
	if (ask(a, op, "") != 0) {
		return ask_complain(a);
	}
	if (a->arguments->json) {
		(void)fwrite(a->data, 1, a->n, stdout);
		(void)putchar('\n');
		return 0;
	}
	return print(a->data, a->n, stdout) < 0 ? complain(a, "the answer is not understood") : 0;
}

int command_run(const struct arguments *o)
{
	struct ask a;
	int code;

	ask_open(&a, o, o->uri);
	code = o->mode == MODE_PING   ? ping_them(&a)
	       : o->mode == MODE_INFO ? show(&a, RV_OP_INFO, answer_print)
				      : show(&a, RV_OP_STATS, table_print);
	ask_close(&a);
	return code;
}
