/*
 * Connections of a process that was killed or has crashed, from the bags that the service manager
 * kept (traffic/keeper.h): those that had nothing unfinished go on, the others end. Main thread.
 */
#pragma once

#include "server/predecessor.h"

/* Adds them to a predecessor, which has left nothing itself. Bags come as pairs of descriptors of
 * one name; all of them are closed. What is wrong is logged. */
void survivors_add(struct predecessor *, const int *fds, char *const *names, size_t n);
