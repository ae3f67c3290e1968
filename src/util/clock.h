/* CLOCK_MONOTONIC in nanoseconds. */
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_S 1000000000u

static inline uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline struct timespec clock_span(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

/* What is left until then; 0 if it is past. */
static inline struct timespec clock_until(uint64_t deadline_ns)
{
	uint64_t now = clock_now();

	return clock_span(deadline_ns > now ? deadline_ns - now : 0);
}
