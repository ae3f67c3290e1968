/*
 * What INFO and STATS answer, as JSON. Counters are written by their worker and read
 * here from another thread: whole words, not one moment.
 */
#pragma once

#include "traffic/instance.h"

extern const struct endpoint_reports stats_reports;

/* The most important of them, a line for each endpoint, into the log. */
struct endpoints;
void stats_log(struct endpoints *);
