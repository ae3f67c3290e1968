/*
 * What INFO and STATS answer, as JSON. Counters are written by their worker and read
 * here from another thread: whole words, not one moment.
 */
#pragma once

#include "traffic/instance.h"

/* endpoint_reports; owner: the endpoint. */
int stats_all(void *owner, bool histogram, char **ret, size_t *ret_n);
int stats_info(const struct rv_instance *, char **ret, size_t *ret_n);

/* The most important of them, a line for each endpoint, into the log. */
struct endpoints;
void stats_log(struct endpoints *);
