/* The keys of an endpoint of NATS, and the options of the library that they make. */
#pragma once

#include <nats/nats.h>
#include <revd/base/util.h>

struct nats_config {
	const char *url, *subject, *queue;
	const char *credentials;
	const char *tls_ca, *tls_cert, *tls_key;
	uint64_t max_pending;
};

/* rv_backend_ops */
int nats_check(const void *cfg, struct rv_err *);
void nats_address(const void *cfg, char *buf, size_t size);

/* Without what belongs to a connection. Reads the files that they name. 0 or -errno and the
 * sentence. */
int nats_options_make(const struct nats_config *, natsOptions **ret, struct rv_err *) MUST_CHECK;
