/*
 * Which transports and services exist: those built in, then those that a
 * plugin_dir adds. Main thread; plugins stay loaded until the end.
 */
#pragma once

#include "config/config.h"

struct registry;

/* The tables end with NULL and must outlive the registry. */
int registry_create(const struct rv_backend_ops *const *backends,
	const struct rv_service_ops *const *services, struct registry **ret) MUST_CHECK;
void registry_destroy(struct registry *);

/* Loads every *.so of a directory that, like its files, only root (or, where we
 * are not root, only we) may write. A directory that was loaded before is fine. */
int registry_load(struct registry *, const char *dir, struct rv_err *) MUST_CHECK;

/* For config_load(). */
struct config_registry registry_for_config(struct registry *);
