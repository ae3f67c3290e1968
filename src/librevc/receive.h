/* The receiving half of a session, for callers that wait for other things, too. */
#pragma once

#include <revd/client.h>
#include "util/macro.h"

/* Like revc_receive(), but 1 as soon as also_fd is readable and nothing else is
 * there to be done. */
int receive_reply(
	struct revc *, uint64_t deadline_ns, int also_fd, struct revc_reply *ret) MUST_CHECK;
