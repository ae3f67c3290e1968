/* Where an endpoint is: the URI of a client's -e option. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <revd/client.h>

enum uri_scheme { URI_UDS, URI_SHM, URI_FIFO, URI_MQUEUE, URI_PTY, URI_NATS, URI_NATS_TLS };

struct uri {
	enum uri_scheme scheme;
	char text[REVC_URI_MAX];
	const char *address;      /* within text: the path, @name, queue or //servers/subject */
	char shown[REVC_URI_MAX]; /* for people: without passwords */
};

/* 0, or -EINVAL with the sentence in err. *ret must stay where it is. */
int uri_parse(const char *text, struct uri *ret, struct revc_err *err) REVC_CHECK;

/* The first default socket that exists, "uds:PATH". False: none does. */
bool uri_find_default(char buf[REVC_URI_MAX]);
