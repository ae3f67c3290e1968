#include "librevc/nats_uri.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HIDDEN "***"

/* Tokens between dots, none of them empty or a wildcard: a request has one place to go to. */
static bool is_subject(const char *s)
{
	while (*s) {
		size_t n = strcspn(s, ".");

		if (n == 0 || (n == 1 && (*s == '*' || *s == '>')) || strcspn(s, " \t\r\n/") < n) {
			return false;
		}
		s += n;
		if (*s == '.' && !s[1]) {
			return false;
		}
		s += *s == '.';
	}
	return true;
}

/* Adds the URL of the n bytes of a server at p; *at is where it goes in ret->text. */
static bool add_server(
	struct nats_place *ret, const char *scheme, const char *p, size_t n, size_t *at)
{
	int k;

	if (n == 0 || ret->n == NATS_URI_SERVERS) {
		return false;
	}
	k = snprintf(ret->text + *at, sizeof(ret->text) - *at, "%s//%.*s", scheme, (int)n, p);
	ret->servers[ret->n++] = ret->text + *at;
	*at += (size_t)k + 1;
	return *at <= sizeof(ret->text);
}

static bool cut_servers(const char *p, const char *end, const char *scheme, struct nats_place *ret)
{
	size_t at = 0;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if (!add_server(ret, scheme, p, (size_t)(stop - p), &at)) {
			return false;
		}
		p = comma ? comma + 1 : end;
	}
	return true;
}

bool nats_uri_is(const char *uri)
{
	return strncmp(uri, "nats:", 5) == 0 || strncmp(uri, "tls:", 4) == 0;
}

const char *nats_uri_parse(const char *uri, struct nats_place *ret)
{
	const char *address = strchr(uri, ':') + 1, *slash;
	char scheme[8];

	*ret = (struct nats_place){0};
	(void)snprintf(scheme, sizeof(scheme), "%.*s", (int)(address - uri), uri);
	if (strncmp(address, "//", 2) != 0) {
		return "lacks //: nats://HOST/SUBJECT";
	}
	slash = strchr(address + 2, '/');
	if (!slash || !slash[1]) {
		return "has no subject: nats://HOST:PORT/SUBJECT";
	}
	if (!is_subject(slash + 1)) {
		return "has no single subject: words with dots between, no * and no >";
	}
	ret->subject = slash + 1;
	if (!cut_servers(address + 2, slash, scheme, ret)) {
		return "has no 1 to 16 brokers: nats://HOST:PORT,HOST:PORT/SUBJECT";
	}
	return NULL;
}

/* How many of the n bytes of a server may be seen before what is hidden; *ret_rest is
 * where it goes on. */
static size_t visible(const char *p, size_t n, size_t *ret_rest)
{
	const char *at = memrchr(p, '@', n);
	const char *colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;

	*ret_rest = at ? (size_t)(at - p) : n;
	return !at ? n : colon ? (size_t)(colon + 1 - p) : 0;
}

const char *nats_uri_show(const char *uri, char buf[REVC_URI_MAX])
{
	const char *p = uri + (strncmp(uri, "tls://", 6) == 0 ? 6 : 7);
	const char *end;
	size_t len;

	if ((strncmp(uri, "nats://", 7) != 0 && strncmp(uri, "tls://", 6) != 0) ||
		!strchr(p, '@')) {
		return uri;
	}
	len = (size_t)(p - uri);
	memcpy(buf, uri, len);
	for (end = p + strcspn(p, "/"); p < end;) {
		size_t n = strcspn(p, ",/"), rest, seen = visible(p, n, &rest);

		len += (size_t)snprintf(buf + len, REVC_URI_MAX - len, "%.*s%s%.*s", (int)seen, p,
			rest < n ? HIDDEN : "", (int)(n - rest), p + rest);
		p += n;
		if (len >= REVC_URI_MAX - 1) {
			return buf;
		}
		if (*p == ',') {
			buf[len++] = *p++;
		}
	}
	(void)snprintf(buf + len, REVC_URI_MAX - len, "%s", end);
	return buf;
}
