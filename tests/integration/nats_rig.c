#include "nats_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/json.h"
#include "common/late.h"
#include "common/run.h"
#include "common/wait.h"

void nats_rig_init(struct nats_rig *r)
{
	*r = (struct nats_rig){.client.fd = -1};
	rig_init(&r->rig);
	nats_broker_init(&r->broker, &r->rig);
	late_install(&r->rig, "plugins", getenv("REVD_TEST_NATS"));
	late_install(&r->rig, "plugins", getenv("REVD_TEST_LATE"));
}

void nats_rig_configure(
	struct nats_rig *r, const char *global, const char *keys, const char *sections)
{
	char config[4096], url[64] = "";

	if (strncmp(keys, "url", 3) != 0) {
		snprintf(url, sizeof url, "url = nats://127.0.0.1:%u\n", (unsigned)r->broker.port);
	}
	snprintf(config, sizeof config,
		"[revd]\nplugin_dir = @DIR@/plugins\n%s"
		"[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
		"[endpoint.bus]\ntransport = nats\n%s%s%s",
		global, url, keys, sections);
	rig_write(&r->rig, "revd.conf", config);
}

void nats_rig_start(struct nats_rig *r, const char *global, const char *keys, const char *sections)
{
	nats_rig_init(r);
	nats_broker_start(&r->broker, "");
	nats_rig_configure(r, global, keys, sections);
	rig_launch(&r->rig, NULL);
	nats_client_open(&r->client, &r->broker, "");
}

void nats_rig_finish(struct nats_rig *r)
{
	if (r->client.fd >= 0) {
		nats_client_close(&r->client);
	}
	if (r->rig.pid) {
		rig_stop(&r->rig);
	}
	nats_broker_kill(&r->broker);
	rig_finish(&r->rig);
}

static bool has(const char *json, const char *path, const char *what)
{
	size_t n;
	const char *at = json_find(json, path, &n);

	return at && memmem(at, n, what, strlen(what));
}

void nats_rig_wait_state(const struct nats_rig *r, const char *state, const char *says)
{
	uint64_t until = wait_until(WAIT_MS);
	struct run p;
	bool found;

	do {
		RUN(&p, &r->rig, "revc", "-e", "uds:@DIR@/stream.sock", "--stats", "--json");
		ck_assert_int_eq(p.status, 0);
		found = has(p.out, "endpoints.bus.state", state) &&
			(!*says || has(p.out, "endpoints.bus.why", says));
		ck_assert_msg(found || wait_left(until) > 0, "not %s: %s", state, p.out);
		run_free(&p);
	} while (!found && poll(NULL, 0, 5) == 0);
}

int64_t nats_rig_stat(const struct nats_rig *r, const char *key)
{
	char path[64];

	snprintf(path, sizeof path, "endpoints.bus.%s", key);
	return client_stat(&r->rig, path);
}

void nats_rig_expect_local(const struct nats_rig *r)
{
	struct client c;

	client_open(&c, &r->rig, STREAM);
	client_expect_text(&c, "hola", "aloh");
	client_close(&c);
}
