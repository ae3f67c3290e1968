#include "unit/text/samples.h"

#include "unit/text/reference.h"
#include "util/macro.h"

#define AROUND(n) (n) - 2, (n)-1, (n), (n) + 1, (n) + 2
#define TEN(n) n##0, n##1, n##2, n##3, n##4, n##5, n##6, n##7, n##8, n##9

const size_t samples_lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, TEN(1), TEN(2), TEN(3), TEN(4),
	TEN(5), TEN(6), 70, AROUND(96), AROUND(128), AROUND(160), AROUND(256), AROUND(512),
	AROUND(1024), AROUND(2048), AROUND(4096), AROUND(8192), AROUND(16384), AROUND(32768),
	AROUND(65536), SIZE_MAX};

const uint32_t samples_points[] = {
	'a',
	'7',
	'#',
	0x00,
	'\r',
	'\n',
	0x85,
	0xAD,
	0xA9,
	0xE9,
	0x2FF,
	0x300,
	0x36F,
	0x370,
	0x483,
	0x48A,
	0x5D0,
	0x5B0,
	0x600,
	0x627,
	0x64B,
	0x6DD,
	0x70F,
	0x915,
	0x93F,
	0x94D,
	0xE33,
	0x1100,
	0x1161,
	0x11A8,
	0x1AB0,
	0x200B,
	0x200C,
	0x200D,
	0x2014,
	0x2028,
	0x20AC,
	0x20D0,
	0x2764,
	0x2CEF,
	0x3042,
	0x3099,
	0x4E2D,
	0xA66F,
	0xA960,
	0xAC00,
	0xAC01,
	0xD7B0,
	0xD7CB,
	0xFB1E,
	0xFE0F,
	0xFEFF,
	0xFF9E,
	0xFFFD,
	0x110BD,
	0x11100,
	0x1D165,
	0x1F1E6,
	0x1F1FF,
	0x1F3FB,
	0x1F466,
	0x1F600,
	0x20000,
	0xE0020,
	0xE0100,
	0x10FFFF,
};
const size_t samples_n_points = ARRAY_SIZE(samples_points);

#define BAD(s)                   \
	{                        \
		s, sizeof(s) - 1 \
	}

const struct samples_bad samples_bad[] = {
	BAD("\x80"),
	BAD("\xBF"),
	BAD("\xC0\x80"),
	BAD("\xC1\xBF"),
	BAD("\xC2"),
	BAD("\xC3("),
	BAD("\xDF"),
	BAD("\xE0"),
	BAD("\xE0\x80\x80"),
	BAD("\xE0\x9F\xBF"),
	BAD("\xE0\xA0"),
	BAD("\xE1\x80"),
	BAD("\xE2\x82("),
	BAD("\xE2(\xA1"),
	BAD("\xED\xA0\x80"),
	BAD("\xED\xBF\xBF"),
	BAD("\xEF\xBF"),
	BAD("\xF0"),
	BAD("\xF0\x80\x80\x80"),
	BAD("\xF0\x8F\xBF\xBF"),
	BAD("\xF0\x90"),
	BAD("\xF0\x90\x80"),
	BAD("\xF0\x9F\x98("),
	BAD("\xF4\x90\x80\x80"),
	BAD("\xF4\x8F\xBF"),
	BAD("\xF5\x80\x80\x80"),
	BAD("\xF8\x88\x80\x80\x80"),
	BAD("\xFC\x84\x80\x80\x80\x80"),
	BAD("\xFE"),
	BAD("\xFF"),
	BAD("\xC3\xA9\xA9"),
	BAD("\xE2\x82\xAC\x80"),
	BAD("\xF0\x9F\x98\x80\x80"),
};
const size_t samples_n_bad = ARRAY_SIZE(samples_bad);

/* xorshift64*, Vigna 2016. */
uint32_t samples_next(struct samples_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)((r->state * UINT64_C(2685821657736338717)) >> 32);
}

uint32_t samples_below(struct samples_random *r, uint32_t below)
{
	return samples_next(r) % below;
}

static uint32_t any_point(struct samples_random *r)
{
	uint32_t c = samples_below(r, 0x110000 - 0x800);

	return c < 0xD800 ? c : c + 0x800;
}

static uint32_t point_of(unsigned kind, struct samples_random *r)
{
	switch (kind) {
	case 0:
		return samples_below(r, 0x80);
	case 1:
		return 0x80 + samples_below(r, 0x780);
	case 2:
		return 0x800 + samples_below(r, 0xD000);
	case 3:
		return 0x10000 + samples_below(r, 0x100000);
	case 4: /* mostly ASCII */
		return samples_below(r, 20) ? ' ' + samples_below(r, 95) : any_point(r);
	case 5:
		return samples_points[samples_below(r, (uint32_t)samples_n_points)];
	default: /* Spanish, say, with a few of the others */
		return samples_below(r, 8)    ? 'a' + samples_below(r, 26)
		       : samples_below(r, 12) ? 0xE0 + samples_below(r, 32)
					      : point_of(5, r);
	}
}

void samples_text(unsigned kind, struct samples_random *r, uint8_t *buf, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint32_t c = point_of(kind, r);
		size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		/* ASCII where it would not fit. */
		if (length > n - i) {
			c = 'z';
			length = 1;
		}
		reference_encode(c, length, buf + i);
		i += length;
	}
}
