#include <revd/base/util.h>

#include <stdarg.h>
#include <stdio.h>

int rv_fail(struct rv_err *e, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return err;
}
