/* CLOCK_MONOTONIC of the test programs, which are linked with --wrap=clock_gettime. */
#pragma once

#include <stdint.h>

void clock_pass(uint64_t ns);
