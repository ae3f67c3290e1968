#include "traffic/instance.h"

#include <stdlib.h>

void instance_log(struct rv_instance *in, int prio, const char *fmt, ...)
{
	uint32_t suppressed = 0;
	va_list ap;

	if (prio > log_level() || !log_allow(&in->log_limit, worker_now(in->worker), &suppressed)) {
		return;
	}
	if (suppressed) {
		log_msg(prio, "%s: %u messages suppressed", in->name, suppressed);
	}
	va_start(ap, fmt);
	log_vmsg(prio, in->name, fmt, ap);
	va_end(ap);
}

uint8_t *traffic_scratch(struct traffic *t, size_t n)
{
	if (t->scratch_size < n) {
		uint8_t *p = realloc(t->scratch, n);

		if (!p) {
			return NULL;
		}
		t->scratch = p;
		t->scratch_size = n;
	}
	return t->scratch;
}
