/*
 * Lines of ASCII, one after the other: the fast half of text_reverse_lines().
 *
 * A line is looked at vector by vector up to its LF, then reversed: whole vectors
 * from its end on, and for the rest of it one that overlaps. A line shorter than
 * a vector comes from the vector that ends where it ends, which begins in the line
 * before; what that leaves behind the reversed line is overwritten by the next.
 */
#pragma once

/* The length of the line at p, of which there are n bytes; SIZE_MAX if it is not
 * plain, or ends too near to the end of them to be looked at. */
static ALWAYS_INLINE size_t plain_line(const uint8_t *p, size_t n, bool ascii)
{
	const VEC lf = v_splat('\n'), cr = v_splat('\r');

	for (size_t at = 0; n - at >= VEC_SIZE; at += VEC_SIZE) {
		VEC v = v_load(p + at), odd = v_equal(v, cr);
		uint32_t ends = v_mask(v_equal(v, lf));
		uint32_t special = v_mask(ascii ? v_or(odd, v) : odd);

		/* bits below the first LF */
		if (special & (ends ? (ends & (~ends + 1u)) - 1u : UINT32_MAX)) {
			return SIZE_MAX;
		}
		if (ends) {
			return at + (size_t)__builtin_ctz(ends);
		}
	}
	return SIZE_MAX;
}

static ALWAYS_INLINE void plain_reverse(const uint8_t *src, size_t n, uint8_t *dst)
{
	for (size_t i = 0; n - i >= VEC_SIZE; i += VEC_SIZE) {
		v_store(dst + i, reverse_bytes_of(v_load(src + (n - i - VEC_SIZE))));
	}
	v_store(dst + (n - VEC_SIZE), reverse_bytes_of(v_load(src)));
}

static ALWAYS_INLINE void run_lines(struct text_lines *l, bool ascii)
{
	size_t at = l->taken, lines = 0;

	while (at < l->n) {
		const uint8_t *p = l->src + at;
		size_t n = plain_line(p, l->n - at, ascii);

		if (n > l->max || l->room - at < n + 1 + VEC_SIZE) {
			break; /* n may be SIZE_MAX: l->max is less */
		}
		if (n >= VEC_SIZE) {
			plain_reverse(p, n, l->dst + at);
		} else if (at + n >= VEC_SIZE) {
			v_store(l->dst + at, reverse_bytes_of(v_load(p + n - VEC_SIZE)));
		} else {
			break;
		}
		l->dst[at + n] = '\n';
		at += n + 1;
		lines++;
	}
	l->taken = at;
	l->lines += lines;
}

static void lines(enum text_unit unit, struct text_lines *l)
{
	if (unit == TEXT_BYTE) {
		run_lines(l, false);
	} else {
		run_lines(l, true);
	}
}
