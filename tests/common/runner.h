/* Runs Check suites the way the build wants them: TAP on standard output. */
#pragma once

#include <check.h>

/* main() of every test program returns this; it owns the suite. */
int runner_run(Suite *);
