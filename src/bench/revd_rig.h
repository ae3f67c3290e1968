/*
 * A contender of the daemon made ready. A request is a line where one connection can
 * carry it as a line, because a line is what the floor is comparable with: the text and
 * nothing else. It is a frame with a reply address where many clients share a FIFO or a
 * queue, where a text is larger than a message, and where the daemon is not ours, so
 * that its shared `.out` names are left to their users.
 */
#pragma once

#include "bench/daemon.h"
#include "bench/rig.h"

int revd_rig_open(struct rig *, const struct daemon *, const struct bench_contender *,
	const struct bench_load *, struct rv_err *) MUST_CHECK;
