#include "util/bytes.h"

#include <errno.h>

#define BYTES_MIN 256u

int bytes_reserve(struct bytes *b, size_t n)
{
	size_t size = MAX(b->size, (size_t)BYTES_MIN);
	uint8_t *p;

	if (b->size - b->head - b->len >= n) {
		return 0;
	}
	/* Moving costs len bytes, and so many have left since the last time. */
	if (b->head >= b->len && b->size - b->len >= n) {
		memmove(b->data, b->data + b->head, b->len);
		b->head = 0;
		return 0;
	}
	while (size - b->len < n) {
		if (size > SIZE_MAX / 2) {
			return -ENOMEM;
		}
		size *= 2;
	}
	p = malloc(size);
	if (!p) {
		return -ENOMEM;
	}
	if (b->len > 0) {
		memcpy(p, bytes_head(b), b->len);
	}
	free(b->data);
	*b = (struct bytes){.data = p, .len = b->len, .size = size};
	return 0;
}

int bytes_put(struct bytes *b, const void *p, size_t n)
{
	int r;

	if (n == 0) {
		return 0;
	}
	r = bytes_reserve(b, n);
	if (r == 0) {
		memcpy(bytes_tail(b), p, n);
		b->len += n;
	}
	return r;
}
