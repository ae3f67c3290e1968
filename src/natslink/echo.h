/* A bare responder, see natslink_ops.echo. */
#pragma once

#include "natslink/natslink.h"

int echo_run(const char *url, const char *subject, char why[NATSLINK_WHY]);
