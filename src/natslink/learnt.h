/*
 * Brokers of the cluster that a connection has heard of, for the ones after it: a process keeps
 * those of the place that it has asked last.
 */
#pragma once

#include <nats/nats.h>
#include <stddef.h>

struct learnt {
	char **urls;
	size_t n;
};

/* What is known of the cluster of these servers; NULL: nothing. For learnt_free(). */
struct learnt *learnt_get(const char *servers);
void learnt_free(struct learnt *); /* NULL is fine */

/* Remembers what this connection to one of the servers has heard. */
void learnt_note(const char *servers, natsConnection *);
