#include "bench/script_check.h"

#include <errno.h>
#include <string.h>
#include <revd/quote.h>
#include "bench/bench.h"

static int wrong(struct rv_err *err, const struct script_check *c, const struct script *w,
	const uint8_t *p, size_t n)
{
	char want[64], got[96];

	rv_quote(w->rx + c->at, MIN(w->rx_len - c->at, 16), want, sizeof(want));
	rv_quote(p, MIN(n, 24), got, sizeof(got));
	return bench_fail(err, -EBADMSG, "wrong reply to request %zu, at its byte %zu: %s, not %s",
		c->request, c->in_text, got, want);
}

/* n bytes of reply text, which may hold many replies. Those finished, or -EBADMSG. */
static int check_text(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	int done = 0;

	while (n > 0) {
		size_t k = MIN(n, w->rx_len - c->at), ends;

		if (memcmp(w->rx + c->at, p, k) != 0) {
			return wrong(err, c, w, p, k);
		}
		ends = c->in_text + k;
		done += (int)(ends / w->rx_each);
		c->request = (c->request + ends / w->rx_each) % w->n;
		c->in_text = ends % w->rx_each;
		c->at = c->at + k == w->rx_len ? 0 : c->at + k;
		p += k;
		n -= k;
	}
	return done;
}

static int start_frame(struct script_check *c, const struct script *w, struct rv_err *err)
{
	size_t left = w->rx_each - c->in_text;
	struct rv_frame f;

	rv_frame_load(c->head, &f);
	if (c->head[0] != RV_FRAME_MAGIC || f.version != RV_FRAME_VERSION ||
		!(f.flags & RV_FRAME_REPLY)) {
		return wrong(err, c, w, c->head, sizeof(c->head));
	}
	if (f.code != RV_STATUS_OK) {
		return bench_fail(err, -EBADMSG, "request %zu was refused with status %u",
			c->request, f.code);
	}
	c->more = f.flags & RV_FRAME_MORE;
	if (f.id != c->request || f.length > left || (c->more ? f.length == 0 : f.length != left)) {
		return bench_fail(err, -EBADMSG,
			"wrong reply: id %llu with %u bytes, expected %zu with %zu",
			(unsigned long long)f.id, f.length, c->request, left);
	}
	c->body_left = f.length;
	c->head_len = 0;
	return 0;
}

static int check_frames(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	int done = 0, r;

	while (n > 0) {
		size_t k;

		if (c->body_left > 0) {
			k = MIN(n, c->body_left);
			r = check_text(c, w, p, k, err);
			if (r < 0) {
				return r;
			}
			done += r;
			c->body_left -= k;
		} else {
			k = MIN(n, sizeof(c->head) - c->head_len);
			memcpy(c->head + c->head_len, p, k);
			c->head_len += k;
			r = c->head_len == sizeof(c->head) ? start_frame(c, w, err) : 0;
			if (r < 0) {
				return r;
			}
		}
		p += k;
		n -= k;
	}
	return done;
}

int script_check_bytes(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	return w->frames ? check_frames(c, w, p, n, err) : check_text(c, w, p, n, err);
}

int script_check_message(struct script_check *c, const struct script *w, const uint8_t *p, size_t n,
	struct rv_err *err)
{
	int r;

	if (n == 0 || (!w->frames && n > w->rx_each - c->in_text)) {
		return wrong(err, c, w, p, n);
	}
	r = script_check_bytes(c, w, p, n, err);
	if (r >= 0 && (c->body_left > 0 || c->head_len > 0)) {
		return bench_fail(err, -EBADMSG,
			"wrong reply: a message of %zu bytes ends in the"
			" middle of its frame",
			n);
	}
	return r;
}
