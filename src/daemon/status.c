#include "daemon/status.h"

#include <stdio.h>
#include <string.h>
#include "daemon/systemd.h"
#include "util/clock.h"

static void describe(const struct status *s, char *buf, size_t size)
{
	int n;

	server_describe(s->server, buf, size);
	n = (int)strlen(buf);
	if (s->at_ns && (s->rate || s->connections)) {
		n += snprintf(buf + n, size - (size_t)n, "; %llu requests/s, %llu connections",
			(unsigned long long)s->rate, (unsigned long long)s->connections);
	}
	if (*s->refused.msg && (size_t)n < size) {
		snprintf(buf + n, size - (size_t)n, "; the last reload was refused: %s",
			s->refused.msg);
	}
}

void status_tell(struct status *s, const char *prefix)
{
	char text[sizeof(s->text)];

	describe(s, text, sizeof(text));
	if (*prefix || strcmp(text, s->text) != 0) {
		memcpy(s->text, text, sizeof(text));
		systemd_notify("%sSTATUS=%s", prefix, text);
	}
}

void status_measure(struct status *s)
{
	const struct server_activity a = server_activity(s->server);
	uint64_t now = clock_now(), ms = (now - s->at_ns) / 1000000;

	s->rate = s->at_ns && ms ? (a.requests - s->requests) * 1000 / ms : 0;
	s->requests = a.requests;
	s->connections = a.connections;
	s->at_ns = now;
	status_tell(s, "");
}
