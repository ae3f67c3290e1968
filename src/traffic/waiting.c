#include "traffic/waiting.h"

int waiting_put(struct waiting *w, const struct waiting_record *rec, const uint8_t *data)
{
	int r = bytes_reserve(&w->records, sizeof(*rec) + rec->len);

	if (r < 0) {
		return r;
	}
	memcpy(bytes_tail(&w->records), rec, sizeof(*rec));
	w->records.len += sizeof(*rec);
	if (rec->len > 0) {
		memcpy(bytes_tail(&w->records), data, rec->len);
	}
	w->records.len += rec->len;
	return 0;
}

const uint8_t *waiting_first(const struct waiting *w, struct waiting_record *ret)
{
	if (w->records.len == 0) {
		return NULL;
	}
	memcpy(ret, bytes_head(&w->records), sizeof(*ret));
	return bytes_head(&w->records) + sizeof(*ret);
}

void waiting_advance(struct waiting *w, size_t n)
{
	struct waiting_record rec;

	(void)waiting_first(w, &rec);
	if (n >= rec.len) {
		bytes_take(&w->records, sizeof(rec) + rec.len);
	} else if (n > 0) {
		rec.len -= (uint32_t)n;
		bytes_take(&w->records, n); /* the record now begins over what is served */
		memcpy(bytes_head(&w->records), &rec, sizeof(rec));
	}
}

static size_t count_requests(const struct waiting_record *rec, const uint8_t *data)
{
	size_t n = 0;

	for (size_t i = 0; rec->lines && i < rec->len; i++) {
		n += data[i] == '\n';
	}
	return rec->lines ? n : 1;
}

size_t waiting_drop(struct waiting *w)
{
	struct waiting_record rec;
	const uint8_t *data;
	size_t n = 0;

	while ((data = waiting_first(w, &rec))) {
		n += count_requests(&rec, data);
		waiting_advance(w, rec.len);
	}
	bytes_free(&w->records);
	return n;
}
