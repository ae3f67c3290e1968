/* revd: which of its modes is asked for. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "daemon/options.h"
#include "daemon/reloader.h"
#include "daemon/serve.h"
#include "util/log.h"
#include "util/process.h"

static int run(const struct options *o, struct configuration *conf, const struct demo *demo)
{
	switch (o->mode) {
	case MODE_CHECK:
		return configuration_check(conf);
	case MODE_DUMP:
		return configuration_dump(conf);
	case MODE_RELOAD:
		return reloader_run(conf);
	case MODE_DEMO:
	case MODE_SERVE:
		log_show_time();
		return serve(conf, demo->dir ? demo : NULL);
	default: /* MODE_STDIO, a filter */
		return serve(conf, NULL);
	}
}

static int start(const struct options *o)
{
	const char *text = o->mode == MODE_STDIO && !o->config ? preset_stdio : NULL;
	struct configuration conf = {0};
	struct demo demo = {0};
	int status = EXIT_FAILURE;

	if ((o->mode != MODE_DEMO || demo_init(&demo) == 0) &&
		configuration_init(&conf, demo.file ? demo.file : o->config, text) == 0) {
		status = run(o, &conf, &demo);
	}
	configuration_finish(&conf);
	demo_finish(&demo);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = revd_options_parse(argc, argv);
	int status;

	process_init(PROCESS_DAEMON);
	log_init("revd");
	if (o.mode != MODE_SERVE && o.mode != MODE_DEMO && o.mode != MODE_STDIO) {
		process_unblock(); /* nothing is served, so nothing waits for its handlers */
	}
	status = o.mode == MODE_EXIT ? o.status : start(&o);
	libevent_global_shutdown();
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
		log_error("standard output: %s", strerror(errno));
		status = EXIT_FAILURE;
	}
	return status;
}
