#include "traffic/instance.h"

#include <stdio.h>
#include <stdlib.h>

/* Clients must not be able to fill the log. */
static bool may_log(struct rv_instance *in, int prio)
{
	uint32_t suppressed = 0;

	if (prio > log_level() || !log_allow(&in->log_limit, worker_now(in->worker), &suppressed)) {
		return false;
	}
	if (suppressed) {
		log_msg(prio, "%s: %u messages suppressed", in->name, suppressed);
	}
	return true;
}

void instance_log_client(struct rv_instance *in, uid_t uid, const char *fmt, ...)
{
	char prefix[120];
	va_list ap;

	if (!may_log(in, LOG_DEBUG)) {
		return;
	}
	if (uid == (uid_t)-1) {
		snprintf(prefix, sizeof(prefix), "%s: a client", in->name);
	} else {
		snprintf(prefix, sizeof(prefix), "%s: a client of uid %u", in->name, uid);
	}
	va_start(ap, fmt);
	log_vmsg(LOG_DEBUG, prefix, fmt, ap);
	va_end(ap);
}

void instance_log(struct rv_instance *in, int prio, const char *fmt, ...)
{
	va_list ap;

	if (!may_log(in, prio)) {
		return;
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
