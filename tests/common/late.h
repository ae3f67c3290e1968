/* The service `late` (tests/integration/late.c), which answers when it is told
 * to, loaded from a plugin_dir of the rig's own. */
#pragma once

#include "common/rig.h"

/* Makes DIR/NAME, mode 0755, and copies the file into it. */
void late_install(const struct rig *, const char *dir, const char *file);

/* rig_init(), the plugin, and a daemon whose endpoints `stream`, `seqpacket`,
 * `fifo` and `mqueue` have the service; `global` is put into [revd], `keys` into
 * each endpoint, `service` into [service.late]. */
void late_start(struct rig *, const char *global, const char *keys, const char *service);
