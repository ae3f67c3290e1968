/* Reloads that clients have asked for, RV_OP_RELOAD. */
#pragma once

#include "server/endpoint.h"

/* endpoint_reports.reload: from any worker; the main thread is notified. */
int wishes_add(void *endpoint, struct traffic *, rv_ticket);

/* Main thread: takes all that there are. Those that come while a reload is under way want
 * another one, as the files may have changed since they were read. NULL: none. */
struct reload_wish *wishes_take(struct endpoints *);
/* Answers and frees them. */
void wishes_answer(struct reload_wish *, enum rv_status, const char *sentence);
