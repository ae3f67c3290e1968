#include "builtin.h"

#include <stddef.h>

extern const struct rv_backend_ops fifo_backend;

const struct rv_backend_ops *const backends_builtin[] = {
	&fifo_backend,
	NULL,
};
