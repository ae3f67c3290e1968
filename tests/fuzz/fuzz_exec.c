/*
 * What a co-process may print, as lines and as frames, in pieces of any size and between
 * requests: each request is answered once, by what was printed for it and in its order,
 * and what is kept has a limit.
 */
#include <string.h>
#include "exec/answers.h"
#include "fuzz/feed.h"
#include "fuzz/fuzz.h"

#define LONGEST 64u
#define PRINTED ((size_t)1 << 16)
#define TICKETS 1024u

struct desk {
	struct answers a;
	struct flights f;
	bool frames;
	size_t asked;              /* tickets 1 to `asked` */
	uint32_t left[TICKETS + 1]; /* answers that a ticket is to get */
	bool run[TICKETS + 1];
	rv_ticket last;
	size_t n, answered; /* bytes of `printed` */
	uint8_t printed[PRINTED];
};

/* Lines are answered in order, by the bytes as they came. */
static void check_line(struct desk *d, rv_ticket ticket, size_t lines, const uint8_t *data, size_t n)
{
	size_t whole = n + (lines == 0), count = 0;

	FUZZ_CHECK(ticket >= d->last && (lines > 0) == d->run[ticket]);
	FUZZ_CHECK(d->answered + whole <= d->n);
	FUZZ_CHECK(n == 0 || memcmp(d->printed + d->answered, data, n) == 0);
	FUZZ_CHECK(d->printed[d->answered + whole - 1] == '\n');
	for (size_t i = 0, start = d->answered; i < whole; i++) {
		if (d->printed[d->answered + i] == '\n') {
			FUZZ_CHECK(d->answered + i - start <= LONGEST);
			start = d->answered + i + 1;
			count++;
		}
	}
	FUZZ_CHECK(count == (lines ? lines : 1));
	d->answered += whole;
	d->last = ticket;
}

static void on_answer(void *ctx, rv_ticket ticket, size_t lines, enum rv_status status,
	const void *data, size_t n)
{
	struct desk *d = ctx;

	FUZZ_CHECK(ticket >= 1 && ticket <= d->asked && n <= (lines ? PRINTED : LONGEST));
	FUZZ_CHECK(status < RV_STATUS_COUNT && d->left[ticket] >= (lines ? lines : 1));
	d->left[ticket] -= (uint32_t)(lines ? lines : 1);
	if (!d->frames) {
		FUZZ_CHECK(status == RV_STATUS_OK);
		check_line(d, ticket, lines, data, n);
	} else if (n > 0) {
		FUZZ_CHECK(memmem(d->printed, d->n, data, n));
	}
}

static void ask(struct desk *d, uint8_t what)
{
	uint32_t lines = d->frames ? 0 : what & 7;

	if (d->asked < TICKETS) {
		d->asked++;
		d->left[d->asked] = lines ? lines : 1;
		d->run[d->asked] = lines > 0;
		FUZZ_CHECK(flights_push(&d->f, &(struct flight){.ticket = d->asked,
						      .lines = lines}) == 0);
	}
}

/* False: it must end. */
static bool print(struct desk *d, const uint8_t *data, size_t n)
{
	const char *why;

	if (n == 0 || n > PRINTED - d->n) {
		return true;
	}
	memcpy(d->printed + d->n, data, n);
	d->n += n;
	why = d->frames ? answers_frames(&d->a, &d->f, data, n)
			: answers_lines(&d->a, &d->f, data, n);
	FUZZ_CHECK(why || d->a.partial.len <= LONGEST + RV_FRAME_HEADER);
	FUZZ_CHECK(why || d->frames || d->answered + d->a.partial.len == d->n);
	return !why;
}

/* Those that are not answered are still there. */
static void check_rest(const struct desk *d)
{
	size_t left = 0, there = 0;

	for (size_t i = 1; i <= d->asked; i++) {
		left += d->left[i];
	}
	for (size_t i = 0; i < d->f.n; i++) {
		const struct flight *f = flights_at(&d->f, i);

		there += f->ticket ? (f->lines ? f->lines : 1) : 0;
	}
	FUZZ_CHECK(left == there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct desk d;
	struct feed f = {data, n};
	bool goes_on = true;

	memset(&d, 0, offsetof(struct desk, printed));
	d.a = (struct answers){.max = LONGEST, .ctx = &d, .answer = on_answer};
	d.f.first = 1;
	d.frames = feed_byte(&f) & 1;
	while (f.n > 0 && goes_on) {
		uint8_t what = feed_byte(&f);
		const uint8_t *text;
		size_t k;

		if (what & 1) {
			ask(&d, what >> 1);
			continue;
		}
		k = feed_bytes(&f, what >> 1, &text);
		goes_on = print(&d, text, k);
	}
	check_rest(&d);
	flights_free(&d.f);
	bytes_free(&d.a.partial);
	return 0;
}
