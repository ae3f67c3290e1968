/* libnats has threads, for timers and callbacks. They run as long as there are links. */
#pragma once

#include "natslink/natslink.h"
#include "util/macro.h"

/* 0, or -errno with a sentence. Any thread. */
int library_use(char why[NATSLINK_WHY]) MUST_CHECK;
/* Once for each that has succeeded. */
void library_release(void);
