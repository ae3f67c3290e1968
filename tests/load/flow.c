#include "load/flow.h"

#include <errno.h>
#include "load/asker.h"
#include "load/replies.h"
#include "util/clock.h"

#define AGAIN_NS (UINT64_C(5) * NS_PER_S / 1000)

int flow_init(struct flow *f, uint32_t client, unsigned depth, struct tally *tally)
{
	f->depth = depth;
	f->window.client = client;
	f->window.tally = tally;
	f->window.text_max = f->wire.kind->text_max;
	f->parts = calloc(WINDOW, sizeof(*f->parts));
	return f->parts ? wire_open(&f->wire) : -ENOMEM;
}

static void forget_parts(struct flow *f)
{
	for (size_t i = 0; i < WINDOW; i++) {
		bytes_free(&f->parts[i]);
	}
}

void flow_finish(struct flow *f)
{
	wire_close(&f->wire);
	outbox_clear(&f->outbox);
	bytes_free(&f->in);
	if (f->parts) {
		forget_parts(f);
	}
	free(f->parts);
}

static void broke(struct flow *f, uint64_t now)
{
	f->window.tally->broken++;
	wire_close(&f->wire);
	window_give_up(&f->window, UINT64_MAX);
	f->window.handed = f->window.next;
	outbox_clear(&f->outbox);
	bytes_free(&f->in);
	forget_parts(f);
	f->again_at = now + AGAIN_NS;
}

/* Everything that is there, up to a bound. 1: something; 0: nothing; -errno. */
static int receive(struct flow *f, uint64_t now)
{
	int got = 0;

	for (unsigned i = 0; i < f->depth; i++) {
		ssize_t k;

		if (bytes_reserve(&f->in, WIRE_READ) < 0) {
			return -ENOMEM;
		}
		k = f->wire.kind->recv(&f->wire, bytes_tail(&f->in), WIRE_READ);
		if (k == -EAGAIN) {
			return got;
		}
		if (k <= 0) {
			return k < 0 ? (int)k : -ECONNRESET;
		}
		f->in.len += (size_t)k;
		tally_heard(f->window.tally, now);
		if (!replies_take(&f->window, f->parts, &f->in,
			    f->wire.kind->messages && !f->wire.kind->gather)) {
			return -EPROTO;
		}
		got = 1;
	}
	return got;
}

static int write_out(struct flow *f, uint64_t now)
{
	ssize_t n = outbox_send(&f->outbox, &f->wire, now);

	if (n > 0) {
		window_handed_over(&f->window, (size_t)n, now);
	}
	return n < 0 ? (int)n : n > 0;
}

static bool open_again(struct flow *f, uint64_t now)
{
	if (now < f->again_at) {
		return false;
	}
	f->again_at = now + AGAIN_NS;
	return wire_open(&f->wire) == 0;
}

bool flow_turn(struct flow *f, uint64_t now, bool ask)
{
	int got, sent;

	if (!wire_is_open(&f->wire) && !open_again(f, now)) {
		return false;
	}
	got = receive(f, now);
	if (ask && got >= 0) {
		got = asker_fill(f, now) < 0 ? -ENOMEM : got;
	}
	sent = got < 0 ? got : write_out(f, now);
	if (sent < 0) {
		broke(f, now);
		return false;
	}
	return got > 0 || sent > 0;
}
