/* The backends that are part of the daemon. */
#pragma once

#include <revd/backend.h>

/* Ends with NULL. */
extern const struct rv_backend_ops *const backends_builtin[];
