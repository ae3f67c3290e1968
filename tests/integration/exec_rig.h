/* What the tests of exec share: a daemon whose endpoint `stream` is answered by a program,
 * and a look at its processes. */
#pragma once

#include "common/scene.h"
#include "util/macro.h"

#define EXEC_PIDS 64

/* keys: of the service. The endpoint `other` has the service reverse. */
void exec_start(struct scene *, const char *keys);
/* The same with the lines of [revd] and of [endpoint.stream]. */
void exec_start_with(struct scene *, const char *global, const char *endpoint, const char *keys);

/* The children of a process, zombies included; returns how many. */
size_t exec_children(pid_t, pid_t ret[EXEC_PIDS]);
/* Waits until it has n of them, and returns the first one. */
pid_t exec_wait_children(pid_t, size_t n);
/* Waits until the process does not run any more. */
void exec_wait_end(pid_t);

/* Waits until the daemon has not more than so many descriptors. */
void exec_wait_descriptors(const struct rig *, size_t most);

/* The endpoint `other` serves. */
void exec_check_other(const struct scene *);
/* A frame that is answered so; text NULL: any. */
void exec_expect(struct scene *, uint64_t id, const char *request, enum rv_status status,
	const char *text);
