/*
 * The requests of one client without a reply, and the judgement of each reply: whose it is, and
 * whether it is right. A request stays known for a while after its reply, so that a second one is
 * told from one that was never asked for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "load/tally.h"

#define WINDOW 4096u /* requests that are known at once, a power of two */

enum window_state { WINDOW_OPEN = 1, WINDOW_ANSWERED, WINDOW_LOST };

struct window_slot {
	uint64_t sent_at;
	uint32_t bytes;
	uint8_t state;
	bool handed_over;
};

struct window {
	struct tally *tally; /* of the way, shared with other clients */
	uint32_t client;
	size_t text_max;
	uint64_t next, oldest; /* what is below oldest is not open */
	uint64_t handed;       /* what is below was handed over */
	uint64_t open, bytes;  /* how many are open, and how large they are */
	struct window_slot slots[WINDOW];
};

static inline bool window_has_room(const struct window *w)
{
	return w->next - w->oldest < WINDOW / 2;
}

/* A new request, of n bytes. Returns its number. */
uint64_t window_ask(struct window *, size_t n, uint64_t now);
/* The n oldest that were not, have been handed to the wire. */
void window_handed_over(struct window *, size_t n, uint64_t now);

/* A reply to the request seq, as the id of a frame has it; or a line, which has to be the reply
 * to the oldest. status: enum rv_status. */
void window_frame(struct window *, uint64_t seq, unsigned status, const char *, size_t n);
void window_line(struct window *, const char *, size_t n);

/* All that is open is lost; or what was asked before that time. */
void window_give_up(struct window *, uint64_t before);
