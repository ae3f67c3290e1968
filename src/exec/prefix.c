#include "exec/prefix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

static const struct {
	const char *name, *variable;
} fields[PREFIX_FIELDS] = {
	{"uid", "REVD_UID"},
	{"gid", "REVD_GID"},
	{"endpoint", "REVD_ENDPOINT"},
	{"transport", "REVD_TRANSPORT"},
};

static int find(const char *name, size_t n)
{
	for (int i = 0; i < PREFIX_FIELDS; i++) {
		if (strlen(fields[i].name) == n && memcmp(fields[i].name, name, n) == 0) {
			return i;
		}
	}
	return -1;
}

int prefix_parse(struct prefix *p, const char *text)
{
	p->n = 0;
	for (text += strspn(text, " \t,"); *text; text += strspn(text, " \t,")) {
		size_t n = strcspn(text, " \t,");
		int field = find(text, n);

		if (field < 0 || p->n == PREFIX_FIELDS) {
			return -EINVAL;
		}
		p->fields[p->n++] = field;
		text += n;
	}
	return 0;
}

static const char *show_id(uint32_t id, char buf[16])
{
	if (id == (uint32_t)-1) {
		return NULL;
	}
	snprintf(buf, 16, "%u", id);
	return buf;
}

/* NULL: it is not known. */
static const char *value(int field, const struct rv_request *q, char buf[16])
{
	switch (field) {
	case 0:
		return show_id(q->uid, buf);
	case 1:
		return show_id(q->gid, buf);
	case 2:
		return q->endpoint;
	default:
		return q->transport;
	}
}

size_t prefix_write(const struct prefix *p, const struct rv_request *q, char buf[PREFIX_SIZE])
{
	size_t at = 0;

	for (size_t i = 0; i < p->n; i++) {
		char number[16];
		const char *v = value(p->fields[i], q, number);
		int n = snprintf(buf + at, PREFIX_SIZE - at, "%.64s ", v ? v : "-");

		at += n > 0 ? MIN((size_t)n, PREFIX_SIZE - at - 1) : 0;
	}
	return at;
}

size_t prefix_variables(const struct rv_request *q, char buf[PREFIX_SIZE], char *ret[PREFIX_FIELDS])
{
	size_t at = 0, n = 0;

	for (int i = 0; i < PREFIX_FIELDS; i++) {
		char number[16];
		const char *v = value(i, q, number);
		int k = v ? snprintf(buf + at, PREFIX_SIZE - at, "%s=%s", fields[i].variable, v) : 0;

		if (k > 0 && (size_t)k < PREFIX_SIZE - at) {
			ret[n++] = buf + at;
			at += (size_t)k + 1;
		}
	}
	return n;
}
