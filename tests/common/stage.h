/*
 * main() of tests that start programs: a directory for all rigs of this
 * process, an IPC namespace of its own where we may have one (so that queues
 * never outlive the tests), and after the tests the logs of those that failed.
 */
#pragma once

#include <check.h>

/* tcase_create() with a timeout that has the deadlines of wait.h in view. */
TCase *stage_tcase(const char *name);

int stage_run(Suite *);
/* The directory; in the environment as REVD_TEST_BASE. */
const char *stage_base(void);
