/*
 * Changing over to another configuration, all of it or nothing.
 *
 * First what can be changed in place is changed, then what is new is opened,
 * at last those new endpoints whose address an old one still has: it gives up
 * its names for that. If a step fails, the steps before it are undone. Only
 * then do the endpoints that are gone start to drain. Main thread.
 */
#pragma once

#include "server/endpoints.h"

/* 0, or -errno with the sentence; then nothing has changed, see server_reload(). */
int reload_apply(struct endpoints *, struct config_ref *, struct rv_err *) MUST_CHECK;
