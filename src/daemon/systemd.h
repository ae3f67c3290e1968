/*
 * The service manager's side of things, by its documented protocol:
 * sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). All of it is silent
 * where there is no manager.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "util/macro.h"

/* Sends "KEY=VALUE\n..." to $NOTIFY_SOCKET. What fails is logged, once. */
void systemd_notify(const char *fmt, ...) PRINTF(1, 2);

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

/* Microseconds between signs of life that the manager wants; 0: none. */
uint64_t systemd_watchdog_interval(void);
