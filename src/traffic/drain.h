/* When an instance that drains has answered all. */
#pragma once

#include "traffic/instance.h"

/* Tells the endpoint, once, if the backend is drained and nobody waits for an answer. */
void drain_check(struct rv_instance *);
