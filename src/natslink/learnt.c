#include "natslink/learnt.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "util/macro.h"

/* Sessions may be opened by many threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct learnt *known;
static char *known_servers;

void learnt_free(struct learnt *l)
{
	for (size_t i = 0; l && i < l->n; i++) {
		free(l->urls[i]);
	}
	if (l) {
		free(l->urls);
	}
	free(l);
}

/* As many of the n as there is memory for. */
static struct learnt *copy(char *const *urls, size_t n)
{
	struct learnt *l = calloc(1, sizeof(*l));

	if (!l) {
		return NULL;
	}
	l->urls = calloc(n + 1, sizeof(*l->urls));
	while (l->urls && l->n < n && (l->urls[l->n] = strdup(urls[l->n]))) {
		l->n++;
	}
	return l;
}

struct learnt *learnt_get(const char *servers)
{
	struct learnt *l = NULL;

	pthread_mutex_lock(&lock);
	if (known && strcmp(known_servers, servers) == 0) {
		l = copy(known->urls, known->n);
	}
	pthread_mutex_unlock(&lock);
	return l;
}

static void replace(const char *servers, struct learnt *l)
{
	char *name = strdup(servers);

	if (!l || !name) {
		learnt_free(l);
		free(name);
		return;
	}
	pthread_mutex_lock(&lock);
	learnt_free(known);
	free(known_servers);
	known = l;
	known_servers = name;
	pthread_mutex_unlock(&lock);
}

void learnt_note(const char *servers, natsConnection *nc)
{
	char **urls = NULL;
	int n = 0;

	if (natsConnection_GetDiscoveredServers(nc, &urls, &n) != NATS_OK) {
		return;
	}
	if (n > 0) {
		replace(servers, copy(urls, (size_t)n));
	}
	for (int i = 0; i < n; i++) {
		free(urls[i]);
	}
	free(urls);
}
