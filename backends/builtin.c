#include "builtin.h"

#include <stddef.h>

extern const struct rv_backend_ops stdio_backend;
extern const struct rv_backend_ops uds_backend;
extern const struct rv_backend_ops shm_backend;
extern const struct rv_backend_ops fifo_backend;
extern const struct rv_backend_ops mqueue_backend;
extern const struct rv_backend_ops pty_backend;

const struct rv_backend_ops *const backends_builtin[] = {
	&uds_backend,
	&shm_backend,
	&fifo_backend,
	&mqueue_backend,
	&pty_backend,
	&stdio_backend,
	NULL,
};
