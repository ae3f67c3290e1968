#include "nats/options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "nats/subject.h"

#define SERVERS_MAX 64
#define CONNECT_MS 2000      /* per server: TCP, TLS and the greeting */
#define IO_BUFFER (64 << 10) /* bytes read at once */
#define SEPARATORS " \t,"

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* What follows the scheme and what stands before an @; "" if there is nothing. */
static const char *host_of(const char *url)
{
	const char *host = strstr(url, "://"), *at;

	if (!host) {
		return "";
	}
	host += 3;
	at = strrchr(host, '@');
	return at ? at + 1 : host;
}

static int check_server(const char *url, struct rv_err *e)
{
	e->key = "url";
	if (!has_prefix(url, "nats://") && !has_prefix(url, "tls://")) {
		return rv_fail(
			e, -EINVAL, "a server is written nats://HOST:PORT or tls://HOST:PORT");
	}
	if (!*host_of(url) || *host_of(url) == ':' || strchr(host_of(url), '/')) {
		return rv_fail(e, -EINVAL,
			"a server is written nats://HOST:PORT or tls://HOST:PORT, and nothing "
			"follows the port");
	}
	return 0;
}

/* Cuts a copy of `url` into its servers, which point into it. Their number or -errno. */
static int split(char *copy, const char *servers[SERVERS_MAX], struct rv_err *e)
{
	char *save = NULL;
	int n = 0;

	for (char *s = strtok_r(copy, SEPARATORS, &save); s;
		s = strtok_r(NULL, SEPARATORS, &save)) {
		int r = check_server(s, e);

		if (r < 0) {
			return r;
		}
		if (n == SERVERS_MAX) {
			return rv_fail(e, -E2BIG, "more than %d servers", SERVERS_MAX);
		}
		servers[n++] = s;
	}
	e->key = "url";
	return n > 0 ? n : rv_fail(e, -EINVAL, "names no server");
}

static int check_url(const struct nats_config *c, struct rv_err *e)
{
	const char *servers[SERVERS_MAX];
	char *copy = strdup(c->url);
	int n = copy ? split(copy, servers, e) : rv_fail(e, -ENOMEM, "no memory");

	free(copy);
	return n < 0 ? n : 0;
}

/* Of a queue group: one word of its protocol. */
static bool is_word(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f) {
			return false;
		}
	}
	return true;
}

static int check_names(const struct nats_config *c, struct rv_err *e)
{
	const char *fault = nats_subject_fault(c->subject, strlen(c->subject));

	e->key = "subject";
	if (fault) {
		return rv_fail(e, -EINVAL, "%s", fault);
	}
	e->key = "queue";
	if (!is_word(c->queue)) {
		return rv_fail(e, -EINVAL, "has a blank or a control byte in it");
	}
	e->key = "tls_key";
	if (!*c->tls_cert != !*c->tls_key) {
		e->key = *c->tls_key ? "tls_key" : "tls_cert";
		return rv_fail(e, -EINVAL, "tls_cert and tls_key are set both or not at all");
	}
	return 0;
}

int nats_check(const void *cfg, struct rv_err *e)
{
	int r = check_url(cfg, e);

	return r < 0 ? r : check_names(cfg, e);
}

/* The first server, without the secrets that stand in it, and the subject. */
void nats_address(const void *cfg, char *buf, size_t size)
{
	const struct nats_config *c = cfg;
	const char *first = c->url + strspn(c->url, SEPARATORS);
	const char *scheme = has_prefix(first, "tls://") ? "tls" : "nats";
	size_t n = strcspn(first, SEPARATORS);
	char server[256];

	snprintf(server, sizeof(server), "%.*s", (int)(n < INT_MAX ? n : INT_MAX), first);
	snprintf(buf, size, "%s://%s/%s", scheme, host_of(server), c->subject);
}

static int failed(struct rv_err *e, natsStatus s, const char *what)
{
	const char *why = nats_GetLastError(NULL);

	return rv_fail(e, s == NATS_NO_MEMORY ? -ENOMEM : -EINVAL, "%s: %s", what,
		why && *why ? why : natsStatus_GetText(s));
}

/* The library says of a file that can't be read only that something went wrong. */
static int check_readable(const char *path, struct rv_err *e)
{
	return access(path, R_OK) < 0 ? rv_fail_errno(e, "%s", path) : 0;
}

static int set_tls(natsOptions *o, const struct nats_config *c, struct rv_err *e)
{
	natsStatus s;
	int r;

	if (*c->tls_ca) {
		r = check_readable(c->tls_ca, e);
		if (r < 0) {
			return r;
		}
		s = natsOptions_SetSecure(o, true);
		s = s == NATS_OK ? natsOptions_LoadCATrustedCertificates(o, c->tls_ca) : s;
		if (s != NATS_OK) {
			return failed(e, s, c->tls_ca);
		}
	}
	if (*c->tls_cert) {
		r = check_readable(c->tls_cert, e);
		r = r < 0 ? r : check_readable(c->tls_key, e);
		if (r < 0) {
			return r;
		}
		s = natsOptions_LoadCertificatesChain(o, c->tls_cert, c->tls_key);
		return s == NATS_OK ? 0 : failed(e, s, c->tls_cert);
	}
	return 0;
}

static int set_servers(natsOptions *o, const struct nats_config *c, struct rv_err *e)
{
	const char *servers[SERVERS_MAX];
	char *copy = strdup(c->url);
	int n = copy ? split(copy, servers, e) : rv_fail(e, -ENOMEM, "no memory");
	natsStatus s = n < 0 ? NATS_OK : natsOptions_SetServers(o, servers, n);

	free(copy);
	if (s != NATS_OK) {
		return failed(e, s, "url");
	}
	return n < 0 ? n : 0;
}

/* We connect again by ourselves, since the library would hold a lock meanwhile for which
 * a worker would wait; and look ourselves whether the broker answers, since the library
 * would close from a thread of its own. */
static natsStatus set_plain(natsOptions *o)
{
	natsStatus s = natsOptions_SetAllowReconnect(o, false);

	/* in the order of the list: the nearest one stands first */
	s = s == NATS_OK ? natsOptions_SetNoRandomize(o, true) : s;
	s = s == NATS_OK ? natsOptions_SetPingInterval(o, 0) : s;
	s = s == NATS_OK ? natsOptions_SetTimeout(o, CONNECT_MS) : s;
	s = s == NATS_OK ? natsOptions_SetIOBufSize(o, IO_BUFFER) : s;
	s = s == NATS_OK ? natsOptions_SetSendAsap(o, true) : s;
	return s == NATS_OK ? natsOptions_SetName(o, "revd") : s;
}

static int set_all(natsOptions *o, const struct nats_config *c, struct rv_err *e)
{
	natsStatus s = set_plain(o);
	int r = s == NATS_OK ? set_servers(o, c, e) : failed(e, s, "options");

	if (r == 0 && *c->credentials) {
		r = check_readable(c->credentials, e);
		s = r < 0 ? NATS_OK
			  : natsOptions_SetUserCredentialsFromFiles(o, c->credentials, NULL);
		r = s == NATS_OK ? r : failed(e, s, c->credentials);
	}
	return r < 0 ? r : set_tls(o, c, e);
}

int nats_options_make(const struct nats_config *c, natsOptions **ret, struct rv_err *e)
{
	natsOptions *o = NULL;
	natsStatus s = natsOptions_Create(&o);
	int r = s == NATS_OK ? set_all(o, c, e) : failed(e, s, "the NATS library");

	if (r < 0) {
		natsOptions_Destroy(o);
		return r;
	}
	*ret = o;
	return 0;
}
