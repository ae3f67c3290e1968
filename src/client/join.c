#include "client/join.h"

#include <errno.h>

void joiner_finish(struct joiner *j)
{
	for (size_t i = 0; i < j->n; i++) {
		buf_finish(&j->parts[i].text);
	}
	free(j->parts);
	buf_finish(&j->done);
	*j = (struct joiner){0};
}

static struct join_part *find(struct joiner *j, uint64_t id)
{
	for (size_t i = 0; i < j->n; i++) {
		if (j->parts[i].id == id) {
			return &j->parts[i];
		}
	}
	return NULL;
}

static struct join_part *add(struct joiner *j, uint64_t id)
{
	if (j->n == j->size) {
		size_t size = j->size ? 2 * j->size : 8;
		struct join_part *p = reallocarray(j->parts, size, sizeof(*p));

		if (!p) {
			return NULL;
		}
		j->parts = p;
		j->size = size;
	}
	j->parts[j->n] = (struct join_part){.id = id};
	return &j->parts[j->n++];
}

int joiner_add(struct joiner *j, uint64_t id, bool more, const uint8_t *p, size_t n,
	const uint8_t **ret, size_t *ret_n)
{
	struct join_part *part = j->n > 0 ? find(j, id) : NULL;
	int r;

	if (!part && !more) {
		*ret = p;
		*ret_n = n;
		return 1;
	}
	if (!part) {
		part = add(j, id);
	}
	if (!part) {
		return -ENOMEM;
	}
	if (n > JOIN_MAX - buf_used(&part->text)) {
		return -EMSGSIZE;
	}
	r = buf_append(&part->text, p, n);
	if (r < 0 || more) {
		return r;
	}
	buf_finish(&j->done);
	j->done = part->text;
	*part = j->parts[--j->n];
	*ret = buf_head(&j->done);
	*ret_n = buf_used(&j->done);
	return 1;
}
