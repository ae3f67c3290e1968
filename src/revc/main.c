/* revc: the client of revd. What it does is in revc(1). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "librevc/error.h"
#include "revc/all.h"
#include "revc/arguments.h"
#include "revc/command.h"
#include "revc/signals.h"
#include "revc/texts.h"

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
	default:
		return command_run(o);
	}
}

/* A caller may have closed some of them: a socket must not take their place. What is
 * read then has ended; what is written fails. */
static void fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) {
			abort(); /* the lowest free descriptor is fd: the system is broken */
		}
	}
}

int main(int argc, char **argv)
{
	struct arguments o;
	int code = EXIT_USAGE;

	fill_standard_descriptors();
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
