/*
 * Fails the Nth of the calls that a backend makes: allocations and system calls,
 * in the order in which they come. The program is linked with --wrap for each
 * of FAIL_CALLS; libevent allocates through here too.
 */
#pragma once

#include <stdbool.h>

/* Routes libevent's memory here. Before anything of it is used. */
void fail_init(void);
/* From now on the nth call fails (once), with err; n = 0: none does. */
void fail_arm(unsigned n, int err);
/* Ends that. True if a call has failed. */
bool fail_disarm(void);
/* Goes on counting after a fail_disarm(). */
void fail_resume(void);
