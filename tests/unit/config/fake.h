/*
 * Transports and services that have option tables and nothing else: what a
 * configuration sees of the real ones, plus a transport "every" and a service
 * "every" with a key of each type.
 */
#pragma once

#include "config/config.h"

struct fake_ids {
	uid_t user;
	gid_t group;
	struct rv_ids users, groups;
};

struct fake_every {
	bool yes;
	uint64_t count, size, time;
	mode_t mode;
	const char *string, *path;
	int choice;
	struct fake_ids ids;
};

struct fake_reverse {
	int unit, invalid;
};

/* What the registry was asked, and what it is to answer. */
struct fake {
	int plugin_calls;
	char plugin_dir[64];
	const char *plugin_error; /* NULL: load_plugins() succeeds */
	bool only_fifo;           /* no other transport exists */
	/* Served instead of the fakes of the same name; NULL or ending with NULL. */
	const struct rv_backend_ops *const *backends;
	const struct rv_service_ops *const *services;
};

/* registry->ctx is the struct fake. */
struct config_registry fake_registry(struct fake *);
