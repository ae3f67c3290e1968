/* Lists of numbers: cut and read another way, with strtod() and a wider sum, they have the
 * same mean, or the same item is to blame. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "fuzz/fuzz.h"
#include "util/decimal.h"
#include "util/macro.h"
#include "util/mean.h"

#define SEPARATORS " ,\t\n\v\f\r"

/* What decimal_parse() should say of a string. */
static int reference_parse(const char *item, double *ret)
{
	char *end;

	if (item[strspn(item, "+-.eE0123456789")] != '\0') {
		return -EINVAL;
	}
	*ret = strtod(item, &end);
	if (end == item || *end != '\0') {
		return -EINVAL;
	}
	if (strlen(item) > DECIMAL_LENGTH_MAX) {
		return -E2BIG;
	}
	return isinf(*ret) ? -ERANGE : 0;
}

struct reference {
	int error;
	size_t n; /* of the item to blame; or how many */
	long double sum, largest;
};

static void reference_list(char *text, struct reference *ret)
{
	char *save = NULL;
	double x;

	*ret = (struct reference){.error = -ENODATA};
	for (char *item = strtok_r(text, SEPARATORS, &save); item;
		item = strtok_r(NULL, SEPARATORS, &save)) {
		ret->n++;
		ret->error = reference_parse(item, &x);
		if (ret->error < 0) {
			return;
		}
		ret->sum += x;
		ret->largest = fmaxl(ret->largest, fabsl(x));
	}
}

static void check_mean(double mean, const struct reference *r)
{
	long double n = r->n, near = r->largest * 0x1p-52L * (1 + n * 0x1p-8L);

	FUZZ_CHECK(isfinite(mean));
	FUZZ_CHECK(fabsl(mean - r->sum / n) <= near + 1e-300L);
}

static void check_error(const struct mean_error *err, const struct reference *r)
{
	char sentence[MEAN_SENTENCE];

	FUZZ_CHECK(err->error == r->error);
	FUZZ_CHECK(err->error == -ENODATA || err->item == r->n);
	mean_sentence(err, sentence);
	FUZZ_CHECK(strlen(sentence) < sizeof(sentence) - 1);
	for (const char *p = sentence; *p; p++) {
		FUZZ_CHECK((uint8_t)*p >= 0x20 && (uint8_t)*p < 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE uint8_t *exact = malloc(size ? size : 1);
	CLEANUP_FREE char *text = calloc(1, size + 1);
	char printed[DECIMAL_TEXT];
	struct reference reference;
	struct mean_error err;
	double mean;
	int r;

	FUZZ_CHECK(exact && text);
	for (size_t i = 0; i < size; i++) { /* strings end at a NUL */
		exact[i] = data[i] ? data[i] : 'x';
		text[i] = (char)exact[i];
	}
	r = mean_of_list(exact, size, &mean, &err);
	reference_list(text, &reference);
	FUZZ_CHECK(r == reference.error);
	if (r < 0) {
		check_error(&err, &reference);
		return 0;
	}
	check_mean(mean, &reference);
	FUZZ_CHECK(strlen(decimal_format(mean, DECIMAL_PLACES_MAX, printed)) < DECIMAL_TEXT);
	return 0;
}
