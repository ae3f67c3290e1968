/* nats://[USER[:PASSWORD]@]HOST[:PORT][,...]/SUBJECT, taken apart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <revd/client.h>

#define NATS_URI_SERVERS 16

struct nats_place {
	char text[REVC_URI_MAX + NATS_URI_SERVERS * sizeof("nats://")];
	const char *servers[NATS_URI_SERVERS]; /* a URL each, within text */
	size_t n;                              /* 0: those of the environment */
	const char *subject;                   /* within the URI */
};

/* Does it begin with nats: or tls:? */
bool nats_uri_is(const char *uri);

/* uri begins with nats: or tls:. NULL, or what is wrong with it: "has no subject: ..." */
const char *nats_uri_parse(const char *uri, struct nats_place *ret) REVC_CHECK;

/* For people: the URI itself, or buf with *** in the place of passwords and tokens. */
const char *nats_uri_show(const char *uri, char buf[REVC_URI_MAX]);
