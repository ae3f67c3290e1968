/* The host that backends call. */
#pragma once

#include "traffic/instance.h"

extern const struct rv_host backend_host;
