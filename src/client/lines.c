#include "client/lines.h"

#include <string.h>
#include "util/macro.h"

#define LANES 32u
#define ROUNDS 255u /* what a lane can count to */
#define BLOCK 4096u

static size_t count_rounds(const uint8_t *p, size_t rounds)
{
	uint8_t __attribute__((vector_size(LANES))) v, sum = {0};
	size_t total = 0;

	for (size_t i = 0; i < rounds; i++) {
		memcpy(&v, p + i * LANES, LANES);
		/* a lane that is equal is -1 */
		sum -= (uint8_t __attribute__((vector_size(LANES))))(v == '\n');
	}
	for (unsigned i = 0; i < LANES; i++) {
		total += sum[i];
	}
	return total;
}

size_t lines_count(const uint8_t *p, size_t n)
{
	size_t total = 0;

	while (n >= LANES) {
		size_t rounds = MIN(n / LANES, (size_t)ROUNDS);

		total += count_rounds(p, rounds);
		p += rounds * LANES;
		n -= rounds * LANES;
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
