/*
 * The service manager's side of things, by its documented protocol:
 * sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). All of it is silent
 * where there is no manager.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"

bool systemd_is_there(void);

/* Sends "KEY=VALUE\n..." to $NOTIFY_SOCKET. What fails is logged, once. */
void systemd_notify(const char *fmt, ...) PRINTF(1, 2);

#define SYSTEMD_FIRST_FD 3         /* of those that are handed over */
#define SYSTEMD_STATE "revd-state" /* the name of what this process leaves to the next */

/* Has the manager keep the descriptors for the next process, which gets them under that name. 0
 * or -errno. And: forgets what has that name. */
int systemd_store(const char *name, const int *fds, size_t n) MUST_CHECK;
void systemd_forget(const char *name);
/* How many descriptors the manager keeps; SIZE_MAX: it does not say. */
size_t systemd_store_size(void);
/* Waits until the manager has read all that it was told, 5 s at most. */
void systemd_barrier(void);

/* Descriptors that were handed over. names[i] is "" where none was given. */
struct systemd_fds {
	size_t n;
	int *fds;
	char **names;
	char *text; /* behind the names */
};

/* Takes LISTEN_* out of the environment; all descriptors get CLOEXEC. Nonsense
 * is logged and ignored. -ENOMEM. */
int systemd_fds_init(struct systemd_fds *) MUST_CHECK;
void systemd_fds_finish(struct systemd_fds *);
/* Takes those of a name out of the list, at most max, into ret: they are the caller's. How many
 * there were. */
size_t systemd_fds_take(struct systemd_fds *, const char *name, int *ret, size_t max);

/* Moves those whose names begin so into another list, whose names are borrowed from this one.
 * -ENOMEM. */
int systemd_fds_split(
	struct systemd_fds *, const char *prefix, struct systemd_fds *ret) MUST_CHECK;

/* Microseconds between signs of life that the manager wants; 0: none. */
uint64_t systemd_watchdog_interval(void);
