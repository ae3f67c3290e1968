/*
 * The configuration: what the INI files say, typed, checked and with the
 * origin of each value. inih parses; the lines come from our own reader (see
 * reader.h). Nothing here logs, opens an endpoint or has another side effect.
 *
 * A struct config is immutable once made. It owns all that it points to, but
 * for the ops tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <revd/backend.h>
#include <revd/service.h>
#include "util/macro.h"

#define CONFIG_MAX_ERRORS 20

/* Collected, not stopped at: "FILE:LINE: sentence", in order of file and line. */
struct config_errors {
	size_t n, suppressed; /* suppressed: how many there were beyond CONFIG_MAX_ERRORS */
	char *text[CONFIG_MAX_ERRORS];
};

void config_errors_add(
	struct config_errors *, const char *file, unsigned line, const char *fmt, ...) PRINTF(4, 5);
void config_errors_finish(struct config_errors *);

/* Which backends and services exist; given by the caller, since they may come
 * from plugin_dir. NULL if there is none of that name. */
struct config_registry {
	void *ctx;
	/* Called once, after [revd] is read and before anything else is looked
	 * up. dir: the value of plugin_dir, "" if unset. 0, or -errno with err. */
	int (*load_plugins)(void *ctx, const char *dir, struct rv_err *err);
	const struct rv_backend_ops *(*backend)(void *ctx, const char *name);
	const struct rv_service_ops *(*service)(void *ctx, const char *name);
	/* The i-th name, NULL past the last: for did-you-mean and messages. */
	const char *(*backend_name)(void *ctx, size_t i);
	const char *(*service_name)(void *ctx, size_t i);
};

struct config_global {
	uint64_t workers; /* auto is resolved: the CPUs of our affinity mask */
	uint64_t max_request;
	uint64_t fragment_timeout; /* microseconds, like all times here */
	uint64_t drain_timeout;
	uint64_t exit_on_idle; /* 0: never */
	int log_level; /* syslog's */
	const char *plugin_dir;
};

struct config_service {
	const char *name;
	const struct rv_service_ops *ops;
	uint64_t timeout; /* for replies that come later; [service.NAME] timeout = 30s */
	void *values;     /* ops->config_size bytes, as ops->options say */
	const char *file; /* where the section is; "(default)" if implicit */
	unsigned line;
};

struct config_endpoint {
	const char *name;
	const struct rv_backend_ops *ops;
	const struct config_service *service;
	struct rv_endpoint_info info;
	uint64_t max_peers_per_uid; /* 0: no limit of its own */
	uint64_t max_inflight;
	uint64_t idle_timeout; /* 0: never */
	uint64_t slow_timeout;
	uint64_t spin;     /* 0: never */
	void *values;      /* ops->config_size bytes, as ops->options say */
	char address[256]; /* ops->address() */
	/* What it takes up, as ops->name_at() says, without symbolic links on the way:
	 * two endpoints that have the same first one have the same address. */
	size_t n_names;
	const char *const *names;
	const char *file;
	unsigned line;
};

struct config_private; /* memory, and the origin of each value */

struct config {
	const char *origin; /* what it was made from, for people: "/etc/revd/revd.conf, ..." */
	struct config_global global;
	size_t n_services, n_endpoints;
	struct config_service *services; /* those named and those used */
	struct config_endpoint *endpoints;
	size_t n_warnings; /* what is allowed and hardly meant, as entries of config_errors */
	const char *const *warnings;
	struct config_private *priv;
};

/* What to make a configuration from. It need not outlive the call. */
struct config_source {
	const char *file; /* NULL: there is none, only the built-in default */
	bool optional;    /* the file may be missing, or name no endpoint: the built-in default
			     stands in for that */
	const char *text; /* not NULL: this instead of the content of a file */
	const char *more; /* not NULL: sections for inherited descriptors, behind all files */
	/* Not NULL: of the built-in default the endpoints of these names alone, " uds mqueue ",
	 * and those that a file says something of. */
	const char *defaults;
	/* What the defaults of paths mean by /run/revd; NULL: just that. Where it is another
	 * one, and not root's, the default queue is /revd-UID instead of /revd. */
	const char *runtime_dir;
};

/*
 * Reads the file and then the files FILE.d/NAME.conf in the order of their names;
 * a later file may reopen a section and override single keys, also of the
 * built-in default: the transports uds, fifo and mqueue, as far as the registry
 * has them, each on its default address.
 *
 * 0 and *ret; -EINVAL and at least one entry in errs, also when a file can't be
 * read; -ENOMEM, perhaps without an entry. As root, files that others may
 * write, or that are symbolic links, are refused.
 */
int config_load(const struct config_source *, const struct config_registry *, struct config **ret,
	struct config_errors *errs) MUST_CHECK;
void config_destroy(struct config *);
DEFINE_CLEANUP(struct config *, config_destroy);

/* The effective configuration as an INI file that loads again, each line with
 * a comment that says where its value came from: FILE:LINE or default. */
int config_dump(const struct config *, FILE *);

/* The commented sample, every key with its help and default; from the tables. */
int config_sample(const struct config_registry *, FILE *);

/* What a reload has to do for an endpoint that has the same name in both. */
enum config_change {
	CONFIG_SAME,
	CONFIG_LIVE,    /* only keys marked live differ (or mode, owner, group, service) */
	CONFIG_REPLACE, /* close the old one, open the new one */
};

enum config_change config_endpoint_diff(
	const struct config_endpoint *a, const struct config_endpoint *b);
/* True if the backend need not know of what differs, since the host sees to that. */
bool config_endpoint_concerns_host(
	const struct config_endpoint *a, const struct config_endpoint *b);
/* True if the service section means the same in both. */
bool config_service_same(const struct config_service *a, const struct config_service *b);

const struct config_endpoint *config_find_endpoint(const struct config *, const char *name);
/* The one that takes up a name, written as ops->name_at() does; NULL: none does. */
const struct config_endpoint *config_find_name(const struct config *, const char *name);
/* 1 to 64 of A-Z a-z 0-9 _ . - without a dot in front: what a section may be called. */
bool config_is_name(const char *name);
