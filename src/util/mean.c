#include "util/mean.h"

#include <errno.h>
#include <float.h>
#include <revd/quote.h>
#include <stdbool.h>
#include <stdio.h>
#include "util/decimal.h"

/* Bytes for an item in a sentence. */
#define ITEM_TEXT 64

double mean_value(const struct mean *m)
{
	double value = (m->sum + m->lost) / (double)m->n / MEAN_SCALE;

	/* The mean of the largest numbers of all may be rounded beyond them. */
	return isinf(value) ? copysign(DBL_MAX, value) : value;
}

static bool is_separator(uint8_t c)
{
	return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

static const uint8_t *skip_separators(const uint8_t *p, const uint8_t *end)
{
	while (p < end && is_separator(*p)) {
		p++;
	}
	return p;
}

static const uint8_t *find_item_end(const uint8_t *p, const uint8_t *end)
{
	while (p < end && !is_separator(*p)) {
		p++;
	}
	return p;
}

/* One number that begins at p; *next is where it ends. */
static int read_item(const uint8_t *p, const uint8_t *end, double *x, const uint8_t **next)
{
	size_t plain = decimal_read_plain(p, (size_t)(end - p), x);

	*next = p + plain;
	if (plain > 0 && (*next == end || is_separator(**next))) {
		return 0;
	}
	*next = find_item_end(p, end);
	return decimal_parse(p, (size_t)(*next - p), x);
}

int mean_of_list(const void *text, size_t n, double *ret, struct mean_error *err)
{
	const uint8_t *p = text, *end = p + n, *next;
	struct mean m = {0};
	double x;

	*err = (struct mean_error){.error = -ENODATA};
	while ((p = skip_separators(p, end)) < end) {
		int r = read_item(p, end, &x, &next);

		if (r < 0) {
			*err = (struct mean_error){
				.error = r, .item = m.n + 1, .s = p, .n = (size_t)(next - p)};
			return r;
		}
		mean_add(&m, x);
		p = next;
	}
	if (m.n == 0) {
		return err->error;
	}
	*ret = mean_value(&m);
	return 0;
}

static const char *describe(int error)
{
	if (error == -ERANGE) {
		return "out of range";
	}
	return error == -E2BIG ? "too long a number" : "not a number";
}

char *mean_sentence(const struct mean_error *err, char *buf)
{
	char item[ITEM_TEXT];

	if (err->error == -ENODATA) {
		snprintf(buf, MEAN_SENTENCE, "there is no number");
	} else {
		snprintf(buf, MEAN_SENTENCE, "item %zu, %s: %s", err->item,
			rv_quote(err->s, err->n, item, sizeof(item)), describe(err->error));
	}
	return buf;
}
