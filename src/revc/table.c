#include "revc/table.h"

#include <errno.h>
#include <string.h>
#include "revc/answer.h"
#include "util/quote.h"

/* One endpoint, as STATS tells of it. */
struct row {
	const char *name, *address, *state;
	json_int_t requests, errors, peers;
	double p50, p99;
};

static json_int_t add_up(json_t *object)
{
	json_int_t sum = 0;
	const char *key;
	json_t *member;

	json_object_foreach(object, key, member)
	{
		sum += json_integer_value(member);
	}
	return sum;
}

static int row_load(json_t *endpoint, struct row *ret)
{
	json_t *errors;

	if (json_unpack(endpoint, "{s:s, s:s, s:s, s:I, s:I, s:o, s:{s:F, s:F}}", "endpoint",
		    &ret->name, "address", &ret->address, "state", &ret->state, "requests",
		    &ret->requests, "peers", &ret->peers, "errors", &errors, "latency_us", "p50",
		    &ret->p50, "p99", &ret->p99) < 0) {
		return -EINVAL;
	}
	ret->errors = add_up(errors);
	return 0;
}

static void print_row(const struct row *r, int width, FILE *to)
{
	char name[64], state[32], address[300];

	quote_text(r->name, strlen(r->name), name, sizeof(name));
	quote_text(r->state, strlen(r->state), state, sizeof(state));
	quote_text(r->address, strlen(r->address), address, sizeof(address));
	(void)fprintf(to, "%-*s  %-8s %12lld %8lld %6lld ", width, name, state,
		(long long)r->requests, (long long)r->errors, (long long)r->peers);
	if (r->p99 > 0) {
		(void)fprintf(to, "%9.1f %9.1f  %s\n", r->p50, r->p99, address);
	} else {
		(void)fprintf(to, "%9s %9s  %s\n", "-", "-", address);
	}
}

static int print_rows(const json_t *endpoints, FILE *to)
{
	int width = (int)strlen("ENDPOINT");
	struct row row;

	for (size_t i = 0; i < json_array_size(endpoints); i++) {
		if (row_load(json_array_get(endpoints, i), &row) < 0) {
			return -EINVAL;
		}
		width = MAX(width, (int)strlen(row.name));
	}
	(void)fprintf(to, "%-*s  %-8s %12s %8s %6s %9s %9s  %s\n", width, "ENDPOINT", "STATE",
		"REQUESTS", "ERRORS", "PEERS", "P50/us", "P99/us", "ADDRESS");
	for (size_t i = 0; i < json_array_size(endpoints); i++) {
		if (row_load(json_array_get(endpoints, i), &row) == 0) {
			print_row(&row, width, to);
		}
	}
	return 0;
}

int table_print(const void *text, size_t n, FILE *to)
{
	json_t *stats = answer_parse(text, n), *endpoints;
	const char *version;
	char shown[64];
	double uptime;
	int r = -EINVAL;

	if (stats && json_unpack(stats, "{s:s, s:F, s:o}", "version", &version, "uptime", &uptime,
			     "endpoints", &endpoints) == 0) {
		quote_text(version, strlen(version), shown, sizeof(shown));
		(void)fprintf(to, "revd %s, up %.0f s\n\n", shown, uptime);
		r = print_rows(endpoints, to);
	}
	json_decref(stats);
	return r;
}
