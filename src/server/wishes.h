/* Reloads that clients have asked for, RV_OP_RELOAD. */
#pragma once

#include "server/endpoint.h"

/* endpoint_reports.reload: from any worker; the main thread is notified. */
int wishes_add(void *endpoint, struct traffic *, rv_ticket);

/* Main thread: is there any? */
bool wishes_pending(struct endpoints *);
/* Answers all of them. */
void wishes_answer(struct endpoints *, enum rv_status, const char *sentence);
