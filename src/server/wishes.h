/* What clients want of the main thread: RV_OP_RELOAD, RV_OP_PEERS. */
#pragma once

#include "server/endpoint.h"

#define WISH_TEXT 64 /* bytes of payload, NUL included; longer ones are cut off */

struct wish {
	enum rv_op op;
	char text[WISH_TEXT];
	struct traffic *traffic;
	rv_ticket ticket;
	struct wish *next;
};

/* endpoint_reports.control: from any worker; the main thread is notified. */
int wishes_add(void *endpoint, enum rv_op, const uint8_t *data, size_t n, struct traffic *,
	rv_ticket);

/* Main thread: takes all of that operation. Those that come while a reload is under way want
 * another one, as the files may have changed since they were read. NULL: none. */
struct wish *wishes_take(struct endpoints *, enum rv_op);
/* Answers and frees them. */
void wishes_answer(struct wish *, enum rv_status, const char *text);
