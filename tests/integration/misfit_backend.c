/* A transport that was built for the contract before this one. */
#include <event2/event.h>
#include <revd/backend.h>

__attribute__((visibility("default"))) const struct rv_backend_ops revd_backend;

const struct rv_backend_ops revd_backend = {
	.magic = REVD_BACKEND_MAGIC,
	.abi = 1,
	.size = sizeof(struct rv_backend_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "misfit",
	.version = "1",
};
