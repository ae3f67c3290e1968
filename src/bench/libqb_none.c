#include "bench/libqb.h"

#include <errno.h>

const char *libqb_missing(const struct bench_load *load)
{
	(void)load;
	return "built without libqb";
}

int libqb_open(struct rig *s, const struct bench_load *load, struct rv_err *err)
{
	(void)s;
	return bench_fail(err, -ENOTSUP, "libqb: %s", libqb_missing(load));
}
