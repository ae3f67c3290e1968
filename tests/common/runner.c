#include "common/runner.h"
#include <stdlib.h>

/* For those that set none: a hang is found, a busy machine is none. Check looks when a
 * test case is made, so this is done before main(). */
#define TIMEOUT_S "60"

__attribute__((constructor)) static void set_timeout(void)
{
	setenv("CK_DEFAULT_TIMEOUT", TIMEOUT_S, 0);
}

int runner_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
