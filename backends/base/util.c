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

int rv_fail_errno(struct rv_err *e, const char *fmt, ...)
{
	int err = errno, n;
	va_list ap;

	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->msg)) {
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s", strerror(err));
	}
	return -err;
}
