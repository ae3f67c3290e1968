#include "common/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include "util/macro.h"

void scene_open(struct scene *s, int transport, const char *global)
{
	CLEANUP_FREE char *config = NULL;

	ck_assert_int_gt(asprintf(&config, "[revd]\n%s\n%s", global, rig_all), 0);
	rig_start(&s->rig, config);
	client_open(&s->client, &s->rig, (enum transport)transport);
}

void scene_close(struct scene *s)
{
	client_close(&s->client);
	rig_finish(&s->rig);
}
