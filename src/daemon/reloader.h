/* revd --reload: asks the daemon that runs to reload, and waits for the result. */
#pragma once

#include "daemon/configuration.h"

/* What a reply ends with, so that who asks knows which configuration is in force. */
#define RELOADER_ORIGIN "; configuration: %.150s"

/* The daemon is the one that systemd names in $MAINPID, found by what it listens on;
 * else the one that serves the Unix sockets of the configuration. Returns the exit code:
 * 0 only if the new configuration is in force. */
int reloader_run(struct configuration *);
