/* Deadly signals: no reply FIFO or queue stays behind. */
#pragma once

#include <revd/client.h>
#include "util/macro.h"

/* SIGINT, SIGTERM, SIGHUP remove the reply name of the open session and then do what
 * they do by default. SIGPIPE is ignored, since a FIFO whose reader left raises
 * it: writing to standard output fails with EPIPE instead. */
void signals_install(void);

/* revc_open() and revc_close(), with the session made known to the handlers. One
 * session at a time. */
int signals_open(const char *uri, const struct revc_options *, struct revc **ret,
	struct revc_err *err) MUST_CHECK;
void signals_close(struct revc *);

/* Ends the process by SIGPIPE, as other filters end when nobody reads them. */
void signals_die_of_pipe(void) __attribute__((noreturn));
