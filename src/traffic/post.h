/* Calls that other threads want an instance to make, see rv_host.post(). */
#pragma once

#include "traffic/instance.h"

/* Any thread. 0 or -ENOMEM. */
int post_add(struct rv_instance *, void (*fn)(void *in, void *arg), void *arg) MUST_CHECK;

/* Makes them, in order; where the instance is detached, with NULL for its block. */
void post_run(struct rv_instance *);
