#include "librevc/error.h"

#include <stdarg.h>
#include <stdio.h>

void error_set(struct revc_err *e, int err, int exit_code, const char *fmt, ...)
{
	va_list ap;

	e->err = err;
	e->exit_code = exit_code;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
}
