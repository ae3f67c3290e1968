/* The usual beginning of a test: a daemon with all endpoints, and a client. */
#pragma once

#include "common/client.h"

struct scene {
	struct rig rig;
	struct client client;
};

/* `global` is what stands in [revd], "" for nothing. */
void scene_open(struct scene *, int transport, const char *global);
/* The daemon must end well. */
void scene_close(struct scene *);
