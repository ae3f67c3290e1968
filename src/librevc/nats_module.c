#include "librevc/nats_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Where modules are looked for instead of where they are installed; not by setuid programs. */
#define DIRECTORY_VARIABLE "REVD_MODULE_DIR"

/* It stays loaded: libnats has threads that no dlclose() would end. */
int nats_module_get(const struct natslink_ops **ret)
{
	const char *dir = secure_getenv(DIRECTORY_VARIABLE);
	const struct natslink_ops *ops;
	char path[4096];
	void *module;

	(void)snprintf(
		path, sizeof(path), "%s/librevc-nats.so", dir && *dir ? dir : REVD_MODULE_DIR);
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!module) {
		return -ELIBACC;
	}
	ops = dlsym(module, NATSLINK_SYMBOL);
	dlclose(module);
	if (!ops || ops->abi != NATSLINK_ABI) {
		return -ELIBBAD;
	}
	*ret = ops;
	return 0;
}
