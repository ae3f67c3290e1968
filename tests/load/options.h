/* The command line of revload. */
#pragma once

#include <stdbool.h>
#include "load/events.h"
#include "load/wire.h"

#define WAYS_MAX 32u

/* [NAME:]KIND[-lines|-frames][*CLIENTS]=ADDRESS */
struct way {
	char name[32];
	const struct wire_kind *kind;
	bool lines;
	unsigned clients;
	const char *address;
};

struct options {
	struct way ways[WAYS_MAX];
	size_t n_ways;
	uint64_t depth, requests, clients;
	uint64_t patience, quiet; /* ns */
	uint64_t pause_max;       /* ns; 0: any */
	bool may_lose, whole;
	const char *json; /* a file; NULL: none */
	struct events events;
};

/* 0; 1: all is said, exit with 0; -1: a sentence is on standard error. */
int options_parse(struct options *, int argc, char **argv);
