#include "load/text.h"

#include <stdio.h>
#include <string.h>
#include "util/macro.h"

/* Fillers are parts of this, and their replies parts of what it is from behind. */
static char pool[2 * TEXT_MAX], loop[2 * TEXT_MAX];

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t text_random(uint32_t client, uint64_t seq)
{
	return mix((seq + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ mix(client + UINT64_C(1)));
}

void text_init(void)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -";

	for (size_t i = 0; i < sizeof(pool); i++) {
		pool[i] = loop[sizeof(pool) - 1 - i] = letters[mix(i + 1) & 63];
	}
}

struct shape {
	char head[48]; /* "CLIENT:SEQ:" */
	size_t head_n;
	size_t filler, at; /* bytes, and where they lie in the pool */
};

/* Most texts are short, one in sixteen is up to 2 KiB, one in 256 as long as may be. */
static void shape(struct shape *s, uint32_t client, uint64_t seq, size_t max)
{
	uint64_t r = text_random(client, seq);
	size_t limit = (r & 255) == 0 ? max : (r & 15) == 0 ? 2048 : 64;

	s->head_n = (size_t)snprintf(
		s->head, sizeof(s->head), "%u:%llu:", client, (unsigned long long)seq);
	limit = MIN(limit, max - s->head_n);
	s->filler = 1 + (size_t)(r >> 8) % limit;
	s->filler = MIN(s->filler, max - s->head_n);
	s->at = (size_t)(r >> 32) % (sizeof(pool) - s->filler);
}

size_t text_request(uint32_t client, uint64_t seq, size_t max, char *buf)
{
	struct shape s;

	shape(&s, client, seq, max);
	memcpy(buf, s.head, s.head_n);
	memcpy(buf + s.head_n, pool + s.at, s.filler);
	return s.head_n + s.filler;
}

size_t text_reply(uint32_t client, uint64_t seq, size_t max, char *buf)
{
	struct shape s;

	shape(&s, client, seq, max);
	memcpy(buf, loop + sizeof(loop) - s.at - s.filler, s.filler);
	for (size_t i = 0; i < s.head_n; i++) {
		buf[s.filler + i] = s.head[s.head_n - 1 - i];
	}
	return s.head_n + s.filler;
}

/* The number that stands from behind at reply[*n - 1], up to the colon; the colon is taken, too. */
static bool take_number(const char *reply, size_t *n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t digits = 0;

	while (*n > 0 && reply[*n - 1] >= '0' && reply[*n - 1] <= '9' && digits < 18) {
		v = 10 * v + (uint64_t)(reply[--*n] - '0');
		digits++;
	}
	if (digits == 0 || *n == 0 || reply[*n - 1] != ':') {
		return false;
	}
	--*n;
	*ret = v;
	return true;
}

bool text_whose(const char *reply, size_t n, uint32_t *client, uint64_t *seq)
{
	uint64_t c;

	if (!take_number(reply, &n, &c) || c > UINT32_MAX || !take_number(reply, &n, seq)) {
		return false;
	}
	*client = (uint32_t)c;
	return true;
}
