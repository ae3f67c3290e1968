/* revc: the client of revd. What it does is in revc(1). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "librevc/error.h"
#include "revc/all.h"
#include "revc/arguments.h"
#include "revc/command.h"
#include "revc/doctor.h"
#include "revc/metrics.h"
#include "revc/peers.h"
#include "revc/signals.h"
#include "revc/texts.h"
#include "revc/top.h"
#include "util/process.h"

static int run(const struct arguments *o)
{
	switch (o->mode) {
	case MODE_HELP:
		arguments_help();
		return 0;
	case MODE_VERSION:
		(void)puts("revc " REVD_VERSION);
		return 0;
	case MODE_TEXTS:
		return texts_run(o);
	case MODE_ALL:
		return all_run(o);
	case MODE_PEERS:
		return peers_run(o);
	case MODE_TOP:
		return top_run(o);
	case MODE_DOCTOR:
		return doctor_run(o);
	case MODE_METRICS:
		return metrics_run(o);
	default:
		return command_run(o);
	}
}

int main(int argc, char **argv)
{
	struct arguments o;
	int code = EXIT_USAGE;

	process_init(PROCESS_TOOL);
	signals_install();
	if (arguments_parse(&o, argc, argv) == 0) {
		code = run(&o);
	}
	arguments_finish(&o);
	if (fflush(stdout) != 0 && code == 0) {
		code = 1;
	}
	return code;
}
