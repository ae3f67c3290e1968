#include "exec/answers.h"

#define NOT_ASKED "printed a line that nobody asked for"
#define TOO_LONG "printed a line that is too long"

/* The answer to the first request, or to so many lines of the run that it is. Others may
 * be asked from inside, so it is forgotten before. */
static void give(
	struct answers *a, struct flights *f, size_t lines, const uint8_t *data, size_t n)
{
	struct flight *first = flights_at(f, 0);
	rv_ticket ticket = first->ticket;

	first->lines -= (uint32_t)lines;
	if (first->lines == 0) {
		flights_pop(f);
	}
	a->answer(a->ctx, ticket, lines, RV_STATUS_OK, data, lines > 0 ? n : n - 1);
}

/* A whole line, n bytes with its LF. */
static const char *take_line(struct answers *a, struct flights *f, const uint8_t *line, size_t n)
{
	if (n - 1 > a->max) {
		return TOO_LONG;
	}
	give(a, f, flights_at(f, 0)->lines > 0, line, n);
	return NULL;
}

/* As many lines of the run as are here; *ret is their bytes. */
static const char *take_run(
	struct answers *a, struct flights *f, const uint8_t *data, size_t n, size_t *ret)
{
	const struct flight *first = flights_at(f, 0);
	const uint8_t *lf, *at = data;
	const char *why = NULL;
	size_t lines = 0;

	while (lines < first->lines && (lf = memchr(at, '\n', n - (size_t)(at - data)))) {
		if ((size_t)(lf - at) > a->max) {
			why = TOO_LONG;
			break;
		}
		at = lf + 1;
		lines++;
	}
	*ret = (size_t)(at - data);
	if (lines > 0) {
		give(a, f, lines, data, *ret);
	}
	return why;
}

/* The rest of a line that has begun earlier. */
static const char *finish_line(
	struct answers *a, struct flights *f, const uint8_t *data, size_t n, size_t *ret)
{
	const uint8_t *lf = memchr(data, '\n', n);
	const char *why;

	*ret = lf ? (size_t)(lf - data) + 1 : n;
	if (a->partial.len + *ret > a->max + 1) {
		return TOO_LONG;
	}
	if (bytes_put(&a->partial, data, *ret) < 0) {
		return "could not be read: out of memory";
	}
	if (!lf) {
		return NULL;
	}
	why = take_line(a, f, bytes_head(&a->partial), a->partial.len);
	bytes_take(&a->partial, a->partial.len);
	return why;
}

const char *answers_lines(struct answers *a, struct flights *f, const uint8_t *data, size_t n)
{
	const char *why = NULL;
	size_t k;

	while (n > 0 && !why) {
		const uint8_t *lf = NULL;

		k = 0;
		if (f->n == 0) {
			return NOT_ASKED;
		}
		if (a->partial.len == 0 && flights_at(f, 0)->lines > 0) {
			why = take_run(a, f, data, n, &k);
		} else if (a->partial.len == 0 && (lf = memchr(data, '\n', n))) {
			k = (size_t)(lf - data) + 1;
			why = take_line(a, f, data, k);
		}
		if (k == 0 && !why) {
			why = finish_line(a, f, data, n, &k);
		}
		data += k;
		n -= k;
	}
	return why;
}
