#include "client/buf.h"

#include <errno.h>

#define BUF_MIN 4096

int buf_reserve(struct buf *b, size_t n)
{
	size_t used = buf_used(b), size = MAX(b->size, (size_t)BUF_MIN);
	uint8_t *p;

	if (b->size - b->len >= n) {
		return 0;
	}
	if (b->pos > 0 && b->size - used >= n && used <= b->size / 2) {
		memmove(b->data, b->data + b->pos, used);
		b->pos = 0;
		b->len = used;
		return 0;
	}
	while (size - used < n || size / 2 < used) {
		if (size > SIZE_MAX / 2) {
			return -ENOMEM;
		}
		size *= 2;
	}
	p = malloc(size);
	if (!p) {
		return -ENOMEM;
	}
	if (used > 0) {
		memcpy(p, buf_head(b), used);
	}
	free(b->data);
	*b = (struct buf){.data = p, .len = used, .size = size};
	return 0;
}

int buf_append(struct buf *b, const void *p, size_t n)
{
	int r = buf_reserve(b, n);

	if (r == 0 && n > 0) {
		memcpy(b->data + b->len, p, n);
		b->len += n;
	}
	return r;
}
