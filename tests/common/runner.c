#include "common/runner.h"
#include <stdlib.h>

/* For those that set none: a hang is found, a busy machine is none. */
#define TIMEOUT_S "60"

int runner_run(Suite *suite)
{
	SRunner *runner;
	int failed;

	setenv("CK_DEFAULT_TIMEOUT", TIMEOUT_S, 0);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
