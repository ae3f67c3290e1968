/* Waiting for events, never for time alone: everything has a deadline. */
#pragma once

#include <stdint.h>

/* How long a test waits for what must happen, in ms, before it fails. */
#define WAIT_MS 15000u

/* A moment on CLOCK_MONOTONIC, ms from now. REVD_TEST_PATIENCE=N makes all
 * deadlines N times as long, for valgrind and slow machines. */
uint64_t wait_until(unsigned ms);
unsigned wait_patience(void);

/* Waits for poll() events on fd. Returns what came, or 0 when it is too late. */
short wait_fd(int fd, short events, uint64_t until);

/* How many ms are left, at least 0; fit for poll(). */
int wait_left(uint64_t until);
