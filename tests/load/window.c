#include "load/window.h"

#include <string.h>
#include "load/text.h"
#include "proto/status.h"

static struct window_slot *slot(struct window *w, uint64_t seq)
{
	return &w->slots[seq & (WINDOW - 1)];
}

uint64_t window_ask(struct window *w, size_t n, uint64_t now)
{
	uint64_t seq = w->next++;

	*slot(w, seq) =
		(struct window_slot){.sent_at = now, .bytes = (uint32_t)n, .state = WINDOW_OPEN};
	w->open++;
	w->bytes += n;
	w->tally->sent++;
	return seq;
}

void window_handed_over(struct window *w, size_t n, uint64_t now)
{
	for (size_t i = 0; i < n; i++) {
		slot(w, w->handed++)->handed_over = true;
	}
	tally_handed_over(w->tally, n, now);
}

/* An open one is so no more. */
static void settle(struct window *w, uint64_t seq, enum window_state state)
{
	struct window_slot *s = slot(w, seq);

	s->state = (uint8_t)state;
	w->open--;
	w->bytes -= s->bytes;
	if (s->handed_over) {
		tally_settled(w->tally, 1);
	}
	while (w->oldest < w->next && slot(w, w->oldest)->state != WINDOW_OPEN) {
		w->oldest++;
	}
}

static bool is_right(const struct window *w, uint64_t seq, const char *p, size_t n)
{
	char want[TEXT_MAX];

	return text_reply(w->client, seq, w->text_max, want) == n && memcmp(want, p, n) == 0;
}

/* A right or refused reply to seq, which was asked once. */
static void answer(struct window *w, uint64_t seq, uint64_t *counter)
{
	if (slot(w, seq)->state == WINDOW_OPEN) {
		settle(w, seq, WINDOW_ANSWERED);
		++*counter;
	} else if (slot(w, seq)->state == WINDOW_LOST) {
		slot(w, seq)->state = WINDOW_ANSWERED;
		w->tally->lost--;
		w->tally->late++;
		++*counter;
	} else {
		w->tally->duplicated++;
	}
}

static bool is_known(const struct window *w, uint64_t seq)
{
	return seq < w->next && w->next - seq <= WINDOW;
}

/* Not what it should be: somebody else's, or damaged? */
static void judge_wrong(struct window *w, const char *p, size_t n)
{
	uint32_t client;
	uint64_t seq;

	if (text_whose(p, n, &client, &seq)) {
		w->tally->misdelivered++;
	} else {
		w->tally->wrong++;
	}
}

void window_frame(struct window *w, uint64_t seq, unsigned status, const char *p, size_t n)
{
	if (seq >= w->next) {
		w->tally->misdelivered++;
	} else if (!is_known(w, seq)) {
		w->tally->duplicated++;
	} else if (status != RV_STATUS_OK) {
		answer(w, seq,
			&w->tally->refused[status < RV_STATUS_COUNT ? status : RV_STATUS_INTERNAL]);
	} else if (!is_right(w, seq, p, n)) {
		judge_wrong(w, p, n);
	} else {
		answer(w, seq, &w->tally->answered);
	}
}

/* "\x15NAME: sentence". */
static void refused_line(struct window *w, const char *p, size_t n)
{
	unsigned status = RV_STATUS_INTERNAL;

	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		const char *name = status_name(i);

		if (n > 1 + strlen(name) && memcmp(p + 1, name, strlen(name)) == 0 &&
			p[1 + strlen(name)] == ':') {
			status = i;
		}
	}
	if (w->open > 0) {
		answer(w, w->oldest, &w->tally->refused[status]);
	} else {
		w->tally->duplicated++;
	}
}

/* Lines come in their order: what was skipped is lost. */
static void line_of(struct window *w, uint64_t seq)
{
	if (slot(w, seq)->state == WINDOW_OPEN) {
		while (w->oldest < seq) {
			w->tally->lost++;
			settle(w, w->oldest, WINDOW_LOST);
		}
	}
	answer(w, seq, &w->tally->answered);
}

void window_line(struct window *w, const char *p, size_t n)
{
	uint32_t client;
	uint64_t seq;

	if (n > 0 && (uint8_t)p[0] == RV_NAK) {
		refused_line(w, p, n);
	} else if (!text_whose(p, n, &client, &seq)) {
		w->tally->wrong++;
	} else if (client != w->client || seq >= w->next) {
		w->tally->misdelivered++;
	} else if (!is_known(w, seq)) {
		w->tally->duplicated++;
	} else if (!is_right(w, seq, p, n)) {
		w->tally->wrong++;
	} else {
		line_of(w, seq);
	}
}

void window_give_up(struct window *w, uint64_t before)
{
	for (uint64_t seq = w->oldest; seq < w->next; seq++) {
		if (slot(w, seq)->state == WINDOW_OPEN && slot(w, seq)->sent_at < before) {
			w->tally->lost++;
			settle(w, seq, WINDOW_LOST);
		}
	}
}
