/*
 * main() of tests that start programs: a directory for all rigs of this
 * process, an IPC namespace of its own where we may have one (so that queues
 * never outlive the tests), and after the tests the logs of those that failed.
 */
#pragma once

#include <check.h>

int stage_run(Suite *);
/* The directory; in the environment as REVD_TEST_BASE. */
const char *stage_base(void);
