/* revd --reload: asks the daemon that runs to reload, and waits for the result. */
#pragma once

#include "config/config.h"

/* The daemon is the one that systemd names in $MAINPID, found by what it listens on;
 * else the one that serves the Unix sockets of `config`. Returns the exit code: 0 only
 * if the new configuration is in force. */
int reloader_run(const struct config *config);
