/* The keys that are revd's own; those of a transport or a service stand in its ops. */
#pragma once

#include "config/config.h"

/* [revd] */
struct global_keys {
	struct config_global global;
	const char *workers;
};

/* [endpoint.NAME], whatever its transport */
struct endpoint_keys {
	const char *transport, *service;
	mode_t mode, out_mode;
	uid_t owner;
	gid_t group;
	uint64_t max_peers, max_peers_per_uid, max_inflight, idle_timeout, slow_timeout, spin;
};

/* [service.NAME], whatever its type */
struct service_keys {
	const char *type;
	uint64_t timeout;
};

extern const struct rv_option global_options[];
extern const struct rv_option endpoint_options[];
extern const struct rv_option service_options[];

/* The enum rv_cap that a transport must have for an entry of endpoint_options
 * to mean something on it; 0: any will do. */
uint32_t endpoint_option_cap(const struct rv_option *);
/* How the number behind `workers` is read, where it is not "auto". */
extern const struct rv_option workers_option;
