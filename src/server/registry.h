/*
 * Which transports and services exist: those built in, then those that a plugin_dir adds,
 * and those that are installed, which are loaded when they are named. Main thread; plugins
 * stay loaded until the end.
 */
#pragma once

#include "config/config.h"

struct registry;

/* The tables end with NULL and must outlive the registry, and so must `installed`: the
 * directory of plugins that nobody has to name, NULL for none. */
int registry_create(const struct rv_backend_ops *const *backends,
	const struct rv_service_ops *const *services, const char *installed,
	struct registry **ret) MUST_CHECK;
void registry_destroy(struct registry *);
/* The process ends, or becomes another one: backends finish what their threads still do,
 * before anything that they use is taken down. Part of registry_destroy(). */
void registry_finish_backends(const struct registry *);

/* For config_load(). */
struct config_registry registry_for_config(struct registry *);
