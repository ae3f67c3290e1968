#include "util/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "util/clock.h"

#define STEP_NS 200000000u

void progress_init(struct progress *p, bool wanted, uint64_t delay_ns)
{
	*p = (struct progress){.on = wanted && isatty(STDERR_FILENO)};
	p->next_ns = clock_now() + delay_ns;
}

bool progress_is_due(struct progress *p)
{
	return p->on && clock_now() >= p->next_ns;
}

void progress_show(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("\r\033[K", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fflush(stderr);
	va_end(ap);
	p->shown = true;
	p->next_ns = clock_now() + STEP_NS;
}

void progress_clear(struct progress *p)
{
	if (p->shown) {
		(void)fputs("\r\033[K", stderr);
		(void)fflush(stderr);
		p->shown = false;
	}
}
