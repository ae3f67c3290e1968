/*
 * Calls the service. The fast path: it writes into the transport's own memory, behind
 * the room for a header. What does not fit there goes through scratch memory.
 */
#pragma once

#include "traffic/reply.h"

#define CALL_STOPPING "the daemon is stopping" /* to requests that the service will not get */

/* Serves the request, n bytes of text. The reply is on its way then, or follows. */
void call_service(struct request *, const uint8_t *text, size_t n);

/* Puts the request aside, to be answered for sw by its ticket. 0: no memory. */
rv_ticket call_make_ticket(struct request *, struct rv_service_worker *sw);
/* The ticket is one of a run: so many lines, `bytes` in all. */
void call_set_run(struct request *, rv_ticket, size_t lines, size_t bytes);
/* It is answered in another way: the ticket is void. */
void call_withdraw(struct request *, rv_ticket);

/* Methods of struct rv_service_host, from inside of the service. */
uint8_t *call_room(struct rv_reply *, size_t n);
rv_ticket call_defer(struct rv_reply *);
