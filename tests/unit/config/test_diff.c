/* What a reload has to do, key by key. */
#include <string.h>
#include "common/runner.h"
#include "config/load.h"
#include "fake.h"
#include "text.h"

#define BASE "[endpoint.a]\ntransport = every\n"

static struct fake fake;
static struct config_registry reg;

static void setup(void)
{
	reg = fake_registry(&fake);
}

static const struct {
	const char *text;
	enum config_change change;
} cases[] = {
	{BASE, CONFIG_SAME},
	{BASE "count = 5\nsize = 65536B\nuser =\nmax_peers = 1024\n", CONFIG_SAME},
	{"[endpoint.b]\ntransport = uds\n[revd]\nlog_level = debug\n" BASE, CONFIG_SAME},
	{BASE "[service.echo]\ntimeout = 1s\n", CONFIG_SAME},
	{BASE "[service.reverse]\nunit = grapheme\n", CONFIG_SAME},
	/* live keys of the transport */
	{BASE "yes = no\n", CONFIG_LIVE},
	{BASE "size = 1K\n", CONFIG_LIVE},
	{BASE "time = 1s\n", CONFIG_LIVE},
	{BASE "colour = red\n", CONFIG_LIVE},
	{BASE "users = root\n", CONFIG_LIVE},
	{BASE "groups = 5\n", CONFIG_LIVE},
	/* keys of all endpoints */
	{BASE "mode = 0666\n", CONFIG_LIVE},
	{BASE "owner = 5\n", CONFIG_LIVE},
	{BASE "group = 5\n", CONFIG_LIVE},
	{BASE "max_peers = 5\n", CONFIG_LIVE},
	{BASE "max_inflight = 5B\n", CONFIG_LIVE},
	{BASE "idle_timeout = 5s\n", CONFIG_LIVE},
	{BASE "slow_timeout = 5s\n", CONFIG_LIVE},
	{BASE "spin = 50us\n", CONFIG_LIVE},
	{BASE "[revd]\nmax_request = 5K\n", CONFIG_LIVE},
	{BASE "service = echo\n", CONFIG_LIVE},
	{BASE "[service.reverse]\nunit = byte\n", CONFIG_LIVE},
	{BASE "[service.reverse]\ntimeout = 1s\n", CONFIG_LIVE},
	{BASE "[service.reverse]\ntype = echo\n", CONFIG_LIVE},
	/* the rest */
	{BASE "count = 6\n", CONFIG_REPLACE},
	{BASE "bits = 0700\n", CONFIG_REPLACE},
	{BASE "string = other\n", CONFIG_REPLACE},
	{BASE "place = /other\n", CONFIG_REPLACE},
	{BASE "user = 5\n", CONFIG_REPLACE},
	{BASE "agroup = 5\n", CONFIG_REPLACE},
	{BASE "yes = no\ncount = 6\nmode = 0666\n", CONFIG_REPLACE},
	{"[endpoint.a]\ntransport = fifo\n", CONFIG_REPLACE},
};

START_TEST(change)
{
	CLEANUP(config_destroy_p) struct config *a = text_load(BASE, &reg, NULL);
	CLEANUP(config_destroy_p) struct config *b = text_load(cases[_i].text, &reg, NULL);
	const struct config_endpoint *ea = config_find_endpoint(a, "a");
	const struct config_endpoint *eb = config_find_endpoint(b, "a");

	ck_assert_msg(
		config_endpoint_diff(ea, eb) == cases[_i].change, "forward: %s", cases[_i].text);
	ck_assert_msg(config_endpoint_diff(eb, ea) == cases[_i].change, "back: %s", cases[_i].text);
	ck_assert_int_eq(config_endpoint_diff(eb, eb), CONFIG_SAME);
}
END_TEST

START_TEST(keys_of_some_transports)
{
	static const char uds[] = "[endpoint.a]\ntransport = uds\n";
	static const char uds_limit[] = "[endpoint.a]\ntransport = uds\nmax_peers_per_uid = 5\n";
	static const char fifo[] = "[endpoint.a]\ntransport = fifo\n";
	static const char fifo_out[] = "[endpoint.a]\ntransport = fifo\nout_mode = 0600\n";
	static const char *const pairs[][2] = {{uds, uds_limit}, {fifo, fifo_out}};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		CLEANUP(config_destroy_p) struct config *a = text_load(pairs[i][0], &reg, NULL);
		CLEANUP(config_destroy_p) struct config *b = text_load(pairs[i][1], &reg, NULL);

		ck_assert_int_eq(
			config_endpoint_diff(&a->endpoints[0], &b->endpoints[0]), CONFIG_LIVE);
	}
}
END_TEST

START_TEST(lists_of_users)
{
	static const char *const texts[] = {BASE "users = 1 2\n", BASE "users = 1,2\n",
		BASE "users = 1 3\n", BASE "users = 1\n"};
	static const enum config_change changes[] = {
		CONFIG_SAME, CONFIG_SAME, CONFIG_LIVE, CONFIG_LIVE};
	CLEANUP(config_destroy_p) struct config *a = text_load(texts[0], &reg, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(config_destroy_p) struct config *b = text_load(texts[i], &reg, NULL);

		ck_assert_int_eq(
			config_endpoint_diff(&a->endpoints[0], &b->endpoints[0]), changes[i]);
	}
}
END_TEST

START_TEST(services)
{
	CLEANUP(config_destroy_p)
	struct config *a =
		text_load(BASE "[service.x]\ntype = echo\n[service.y]\ntype = echo\n", &reg, NULL);
	CLEANUP(config_destroy_p)
	struct config *b =
		text_load(BASE "[service.x]\ntype = echo\n[service.y]\ntype = every\n", &reg, NULL);

	ck_assert(config_service_same(&a->services[0], &b->services[0]));
	ck_assert(!config_service_same(&a->services[1], &b->services[1]));
	ck_assert(!config_service_same(&a->services[0], &a->services[1]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config diff");
	TCase *t = tcase_create("diff");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, change, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, keys_of_some_transports);
	tcase_add_test(t, lists_of_users);
	tcase_add_test(t, services);
	suite_add_tcase(s, t);
	return runner_run(s);
}
