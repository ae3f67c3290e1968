#include "librevc/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "proto/status.h"

int error_exit_code(unsigned status)
{
	return status == RV_STATUS_OK        ? EXIT_SUCCESS
	       : status == RV_STATUS_DENIED  ? EXIT_NO_PERMISSION
	       : status_is_transient(status) ? EXIT_TRY_LATER
					     : EXIT_FAILURE;
}

void error_set(struct revc_err *e, int err, int exit_code, const char *fmt, ...)
{
	va_list ap;

	e->err = err;
	e->exit_code = exit_code;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
}
