#include "revc/lines.h"

#include <string.h>
#include "util/macro.h"

#define LANES 16u   /* of a vector that every x86-64 and aarch64 has */
#define STRIDE 64u  /* bytes a round: four vectors, which don't wait for each other */
#define ROUNDS 255u /* what a lane can count to */
#define BLOCK 4096u

struct lanes {
	uint8_t __attribute__((vector_size(LANES))) v;
};

/* A lane that is equal becomes 255, so that subtracting it counts one. */
static inline void count_vector(struct lanes *sum, const uint8_t *p)
{
	struct lanes in;

	memcpy(&in.v, p, LANES);
	sum->v -= (uint8_t __attribute__((vector_size(LANES))))(in.v == '\n');
}

static size_t add_up(const struct lanes *sum)
{
	size_t total = 0;

	for (unsigned i = 0; i < LANES; i++) {
		total += sum->v[i];
	}
	return total;
}

static size_t count_rounds(const uint8_t *p, size_t rounds)
{
	struct lanes a = {0}, b = {0}, c = {0}, d = {0};

	for (const uint8_t *end = p + rounds * STRIDE; p < end; p += STRIDE) {
		count_vector(&a, p);
		count_vector(&b, p + LANES);
		count_vector(&c, p + 2 * LANES);
		count_vector(&d, p + 3 * LANES);
	}
	return add_up(&a) + add_up(&b) + add_up(&c) + add_up(&d);
}

size_t lines_count(const uint8_t *p, size_t n)
{
	size_t total = 0;

	while (n >= STRIDE) {
		size_t rounds = MIN(n / STRIDE, (size_t)ROUNDS);

		total += count_rounds(p, rounds);
		p += rounds * STRIDE;
		n -= rounds * STRIDE;
	}
	while (n > 0) {
		total += p[--n] == '\n';
	}
	return total;
}

size_t lines_span(const uint8_t *p, size_t n, size_t lines)
{
	const uint8_t *at = p, *end = p + n;

	while (lines > 0) {
		size_t block = MIN((size_t)(end - at), (size_t)BLOCK);
		size_t here = lines_count(at, block);

		if (here >= lines || block == 0) {
			break;
		}
		lines -= here;
		at += block;
	}
	for (; lines > 0; lines--) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));

		if (!lf) {
			return 0;
		}
		at = lf + 1;
	}
	return (size_t)(at - p);
}

size_t lines_find(const uint8_t *p, size_t n, size_t from, uint8_t byte)
{
	while (from < n) {
		const uint8_t *hit = memchr(p + from, byte, n - from);

		if (!hit) {
			break;
		}
		if (hit == p || hit[-1] == '\n') {
			return (size_t)(hit - p);
		}
		from = (size_t)(hit - p) + 1;
	}
	return n;
}
