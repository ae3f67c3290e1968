/* What happens to the daemon meanwhile: commands that are run again and again, taking turns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EVENTS_MAX 8u

struct event {
	const char *command; /* for sh -c; borrowed */
	uint64_t count, done, failed;
	uint64_t longest; /* ns that the command took */
};

struct events {
	struct event list[EVENTS_MAX];
	size_t n;
	uint64_t every;   /* ns between the end of one and the start of the next */
	uint64_t next_at; /* CLOCK_MONOTONIC, ns; 0: not begun */
	uint64_t started_at;
	struct event *running;
	pid_t pid;
};

enum events_say { EVENTS_NOTHING, EVENTS_STARTED, EVENTS_OVER };

/* Starts what is due, looks after what runs. OVER: there is nothing left to do. */
enum events_say events_turn(struct events *, uint64_t now);
uint64_t events_failed(const struct events *);
