#include "revc/output.h"

#include "util/fd.h"

#define FLUSH_AT ((size_t)64 << 10)

void output_init(struct output *o, int fd)
{
	*o = (struct output){.fd = fd};
}

void output_finish(struct output *o)
{
	bytes_free(&o->buf);
}

static int write_out(struct output *o, const void *p, size_t n)
{
	int r = o->err ? -o->err : fd_write_all(o->fd, p, n);

	o->err = -r;
	return r;
}

int output_flush(struct output *o)
{
	size_t n = o->buf.len;
	int r = n > 0 ? write_out(o, bytes_head(&o->buf), n) : -o->err;

	bytes_take(&o->buf, n);
	return r;
}

int output_put(struct output *o, const void *p, size_t n)
{
	int r = 0;

	if (o->open && n > 0) {
		o->open = false;
		r = output_put(o, "\n", 1);
	}
	if (r < 0) {
		return r;
	}
	if (o->buf.len + n > FLUSH_AT) {
		r = output_flush(o);
	}
	if (r < 0 || n > FLUSH_AT) {
		return r < 0 ? r : write_out(o, p, n);
	}
	r = bytes_put(&o->buf, p, n);
	if (r < 0) {
		o->err = -r;
	}
	return r;
}
