#include "revc/input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MIN ((size_t)2 << 20)
#define READ_MAX ((size_t)256 << 10)

int input_init(struct input *in, int fd, const char *name)
{
	struct stat st;

	*in = (struct input){.fd = fd, .name = name, .line = 1, .line_max = INPUT_LINE_MAX};
	in->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	in->data = malloc(SIZE_MIN);
	in->size = SIZE_MIN;
	return in->data ? 0 : -ENOMEM;
}

void input_finish(struct input *in)
{
	free(in->data);
	in->data = NULL;
}

bool input_is_ready(const struct input *in)
{
	struct pollfd pfd = {.fd = in->fd, .events = POLLIN};

	return in->regular || poll(&pfd, 1, 0) != 0;
}

/* Room behind len for one read. */
static int make_room(struct input *in)
{
	size_t used = input_used(in);
	uint8_t *p;

	if (in->size - in->len >= READ_MAX) {
		return 0;
	}
	if (used <= in->size / 2) {
		memmove(in->data, in->data + in->start, used);
		in->start = 0;
		in->len = used;
		return 0;
	}
	p = malloc(2 * in->size);
	if (!p) {
		return -ENOMEM;
	}
	memcpy(p, in->data + in->start, used);
	free(in->data);
	in->data = p;
	in->size *= 2;
	in->start = 0;
	in->len = used;
	return 0;
}

int input_fill(struct input *in)
{
	ssize_t k;
	int r = in->eof ? 0 : make_room(in);

	if (r < 0 || in->eof) {
		return r;
	}
	do {
		k = read(in->fd, in->data + in->len, READ_MAX);
	} while (k < 0 && errno == EINTR);
	if (k < 0) {
		/* somebody else's O_NONBLOCK on a shared descriptor */
		return errno == EAGAIN ? 0 : -errno;
	}
	in->eof = k == 0;
	in->len += (size_t)k;
	return 0;
}

enum input_kind input_next(struct input *in, struct input_line *ret)
{
	const uint8_t *p = in->data + in->start;
	const uint8_t *lf = NULL;
	size_t used = input_used(in);

	if (in->scanned < used) {
		lf = memchr(p + in->scanned, '\n', used - in->scanned);
	}
	*ret = (struct input_line){
		.text = p, .n = lf ? (size_t)(lf - p) : used, .term = lf ? 1 : 0};
	in->scanned = ret->n;
	if (ret->n > in->line_max || in->skipped > 0) {
		return INPUT_LONG;
	}
	if (!lf) {
		return !in->eof ? INPUT_MORE : used > 0 ? INPUT_LINE : INPUT_END;
	}
	if (ret->n > 0 && p[ret->n - 1] == '\r') {
		ret->n--;
		ret->term = 2;
	}
	return INPUT_LINE;
}

void input_take_lines(struct input *in, size_t n, uint64_t lines)
{
	in->start += n;
	in->taken += n;
	in->line += lines;
	in->scanned = 0;
}

void input_take(struct input *in, const struct input_line *line)
{
	input_take_lines(in, line->n + line->term, 1);
}

bool input_skip(struct input *in, uint64_t *ret_n, size_t *ret_term)
{
	uint8_t *p = in->data + in->start;
	size_t used = input_used(in);
	uint8_t *lf = memchr(p, '\n', used);
	bool cr;

	if (!lf && !in->eof) {
		/* The last byte stays: it may be the CR of the terminator. */
		in->skipped += used > 0 ? used - 1 : 0;
		in->taken += used > 0 ? used - 1 : 0;
		in->start = in->len - (used > 0 ? 1 : 0);
		in->scanned = 0;
		return false;
	}
	cr = lf && lf > p && lf[-1] == '\r';
	*ret_term = lf ? cr ? 2 : 1 : 0;
	*ret_n = in->skipped + (lf ? (size_t)(lf - p) : used) - (cr ? 1 : 0);
	in->skipped = 0;
	input_take_lines(in, lf ? (size_t)(lf - p) + 1 : used, 1);
	return true;
}
