#include "natslink/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "natslink/learnt.h"

#define SERVERS_MAX 64
#define LOCAL "nats://127.0.0.1:4222"

/* What libnats says, without where in its source it does, and of many lines the first. */
static void quote_library(natsStatus s, char why[NATSLINK_WHY])
{
	const char *said = nats_GetLastError(NULL), *place;

	if (!said || !*said) {
		said = natsStatus_GetText(s);
	}
	place = *said == '(' ? strstr(said, "): ") : NULL;
	said = place ? place + strlen("): ") : said;
	(void)snprintf(why, NATSLINK_WHY, "%.*s", (int)strcspn(said, "\n"), said);
}

/* The field's names for who asks and whom to trust. */

static const char *from_environment(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? text : NULL;
}

/* A file that the environment names: *ret is NULL where it names none. */
static int find_file(const char *name, const char **ret, char why[NATSLINK_WHY])
{
	*ret = from_environment(name);
	if (*ret && access(*ret, R_OK) < 0) {
		(void)snprintf(why, NATSLINK_WHY, "$%s: %.150s: %s", name, *ret, strerror(errno));
		return -EINVAL;
	}
	return 0;
}

static int refuse(natsStatus s, const char *name, char why[NATSLINK_WHY])
{
	char said[NATSLINK_WHY];

	if (s == NATS_OK) {
		return 0;
	}
	quote_library(s, said);
	(void)snprintf(why, NATSLINK_WHY, "$%s: %.200s", name, said);
	return s == NATS_NO_MEMORY ? -ENOMEM : -EINVAL;
}

static int set_credentials(natsOptions *opts, char why[NATSLINK_WHY])
{
	const char *creds, *user = from_environment("NATS_USER");
	const char *password = from_environment("NATS_PASSWORD");
	int r = find_file("NATS_CREDS", &creds, why);

	if (r == 0 && creds) {
		r = refuse(natsOptions_SetUserCredentialsFromFiles(opts, creds, NULL), "NATS_CREDS",
			why);
	} else if (r == 0 && user) {
		r = refuse(password ? natsOptions_SetUserInfo(opts, user, password)
				    : natsOptions_SetToken(opts, user),
			"NATS_USER", why);
	}
	return r;
}

static int set_certificates(natsOptions *opts, char why[NATSLINK_WHY])
{
	const char *ca, *cert, *key;
	int r = find_file("NATS_CA", &ca, why);

	r = r < 0 ? r : find_file("NATS_CERT", &cert, why);
	r = r < 0 ? r : find_file("NATS_KEY", &key, why);
	if (r == 0 && ca) {
		r = refuse(natsOptions_LoadCATrustedCertificates(opts, ca), "NATS_CA", why);
	}
	if (r == 0 && cert && key) {
		r = refuse(natsOptions_LoadCertificatesChain(opts, cert, key), "NATS_CERT", why);
	}
	return r;
}

/* The brokers. */

struct list {
	const char *urls[SERVERS_MAX];
	int n;
	char *text; /* that they lie in */
};

static char *join(const struct natslink_options *o)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (size_t i = 0; f && i < o->n; i++) {
		(void)fprintf(f, "%s%s", i > 0 ? "," : "", o->servers[i]);
	}
	return f && fclose(f) == 0 ? text : NULL;
}

static int cut(struct list *l)
{
	char *rest = NULL;

	for (char *p = strtok_r(l->text, ", ", &rest); p; p = strtok_r(NULL, ", ", &rest)) {
		if (l->n == SERVERS_MAX) {
			return -E2BIG;
		}
		l->urls[l->n++] = p;
	}
	return 0;
}

static int set_servers(natsOptions *opts, const char *servers, char why[NATSLINK_WHY])
{
	struct list l = {.text = strdup(servers)};
	struct learnt *learnt = learnt_get(servers);
	natsStatus s;
	int r = l.text ? cut(&l) : -ENOMEM;

	for (size_t i = 0; learnt && i < learnt->n && l.n < SERVERS_MAX; i++) {
		l.urls[l.n++] = learnt->urls[i];
	}
	if (r == 0) {
		s = natsOptions_SetServers(opts, l.urls, l.n);
		r = s == NATS_OK ? 0 : options_explain(s, why);
	} else {
		(void)snprintf(why, NATSLINK_WHY,
			r == -E2BIG ? "names more than 64 brokers" : "out of memory");
	}
	learnt_free(learnt);
	free(l.text);
	return r;
}

int options_make(const struct natslink_options *o, natsOptions **ret, char **ret_servers,
	char why[NATSLINK_WHY])
{
	const char *url = from_environment("NATS_URL");
	int r = 0;

	*ret_servers = o->n > 0 ? join(o) : strdup(url ? url : LOCAL);
	if (!*ret_servers || natsOptions_Create(ret) != NATS_OK ||
		natsOptions_SetTimeout(*ret, o->timeout_ms) != NATS_OK) {
		return -ENOMEM;
	}
	if (strstr(*ret_servers, "tls://") && natsOptions_SetSecure(*ret, true) != NATS_OK) {
		return options_explain(NATS_SSL_ERROR, why);
	}
	r = set_servers(*ret, *ret_servers, why);
	r = r < 0 ? r : set_credentials(*ret, why);
	return r < 0 ? r : set_certificates(*ret, why);
}

/* Errors. */

struct meaning {
	natsStatus status;
	int err;
	const char *text; /* NULL: what libnats says */
};

static const struct meaning meanings[] = {
	{NATS_NO_SERVER, ECONNREFUSED, "no NATS broker answers there"},
	{NATS_TIMEOUT, ETIMEDOUT, "no NATS broker answers there in time"},
	{NATS_CONNECTION_AUTH_FAILED, EACCES,
		"the broker lets nobody in without the right USER:PASSWORD@ before its name, or "
		"$NATS_CREDS"},
	{NATS_SECURE_CONNECTION_REQUIRED, EINVAL, "the broker wants TLS: use tls://"},
	{NATS_SECURE_CONNECTION_WANTED, EINVAL, "the broker has no TLS: use nats://"},
	{NATS_CONNECTION_CLOSED, ECONNRESET, "the broker closed the connection"},
	{NATS_NO_MEMORY, ENOMEM, "out of memory"},
	{NATS_SSL_ERROR, EPROTO, NULL},
	{NATS_INVALID_ARG, EINVAL, NULL},
	{NATS_ADDRESS_MISSING, EINVAL, NULL},
};

int options_explain(natsStatus s, char why[NATSLINK_WHY])
{
	const struct meaning other = {.err = EIO}, *m = &other;

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		m = meanings[i].status == s ? &meanings[i] : m;
	}
	if (m->text) {
		(void)snprintf(why, NATSLINK_WHY, "%s", m->text);
	} else {
		quote_library(s, why);
	}
	return -m->err;
}

int options_judge(natsConnection *nc)
{
	const char *said = NULL;

	if (natsConnection_GetLastError(nc, &said) == NATS_NOT_PERMITTED) {
		return -EACCES;
	}
	return natsConnection_Status(nc) == NATS_CONN_STATUS_CONNECTED ? -EAGAIN : -ECONNRESET;
}

void natslink_ignore_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *closure)
{
	(void)nc;
	(void)sub;
	(void)s;
	(void)closure;
}
