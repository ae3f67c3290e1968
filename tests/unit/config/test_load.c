/* What the values become, and what the registry is asked. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <syslog.h>
#include "common/runner.h"
#include "config/load.h"
#include "config/parse.h"
#include "fake.h"
#include "text.h"

#define CLEANUP_CONFIG CLEANUP(config_destroy_p)

static struct fake fake;
static struct config_registry reg;

static void setup(void)
{
	reg = fake_registry(&fake);
}

START_TEST(no_file_serves_all_transports)
{
	static const char *const names[] = {"uds", "fifo", "mqueue"};
	static const char *const addresses[] = {"uds:/run/user/7/revd/revd.sock",
		"fifo:/run/user/7/revd/revd.fifo", "mqueue:/revd"};
	CLEANUP_CONFIG struct config *c = NULL;
	struct config_errors errs = {0};

	ck_assert_int_eq(config_load(&(struct config_source){.runtime_dir = "/run/user/7/revd"},
				 &reg, &c, &errs),
		0);
	ck_assert_uint_eq(c->n_endpoints, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_str_eq(c->endpoints[i].name, names[i]);
		ck_assert_str_eq(c->endpoints[i].ops->name, names[i]);
		ck_assert_str_eq(c->endpoints[i].address, addresses[i]);
		ck_assert_str_eq(c->endpoints[i].service->name, "reverse");
		ck_assert_str_eq(c->endpoints[i].file, "(default)");
		ck_assert_ptr_eq(config_find_endpoint(c, names[i]), &c->endpoints[i]);
	}
	ck_assert_ptr_null(config_find_endpoint(c, "tcp"));
	ck_assert_uint_eq(c->n_services, 1);
	ck_assert_int_eq(fake.plugin_calls, 1);
	ck_assert_str_eq(fake.plugin_dir, "");
}
END_TEST

START_TEST(no_file_takes_what_transports_there_are)
{
	CLEANUP_CONFIG struct config *c = NULL;
	struct config_errors errs = {0};

	fake.only_fifo = true;
	ck_assert_int_eq(config_load(&(struct config_source){0}, &reg, &c, &errs), 0);
	ck_assert_uint_eq(c->n_endpoints, 1);
	ck_assert_str_eq(c->endpoints[0].address, "fifo:/run/revd/revd.fifo");
}
END_TEST

static const struct {
	uid_t uid;
	const char *runtime_dir, *address;
} queues[] = {
	{0, NULL, "mqueue:/revd"},
	{0, "/run/other", "mqueue:/revd"},
	{7, NULL, "mqueue:/revd"}, /* the system's daemon, in its sandbox */
	{7, "/run/revd", "mqueue:/revd"},
	{7, "/run/user/7/revd", "mqueue:/revd-7"},
};

START_TEST(default_queue_of_a_user)
{
	const struct config_source source = {.runtime_dir = queues[_i].runtime_dir};
	CLEANUP_CONFIG struct config *c = NULL;
	struct config_errors errs = {0};

	ck_assert_int_eq(load_as(queues[_i].uid, &source, &reg, &c, &errs), 0);
	ck_assert_str_eq(config_find_endpoint(c, "mqueue")->address, queues[_i].address);
}
END_TEST

START_TEST(defaults_of_the_design)
{
	CLEANUP_CONFIG struct config *c = text_load(
		"[endpoint.a]\ntransport = uds\n[endpoint.b]\ntransport = fifo\n", &reg, NULL);
	const struct config_endpoint *e = config_find_endpoint(c, "a");

	ck_assert_uint_eq(c->global.workers, 1);
	ck_assert_uint_eq(c->global.max_request, 1024 * 1024);
	ck_assert_uint_eq(c->global.fragment_timeout, 10000000);
	ck_assert_uint_eq(c->global.drain_timeout, 5000000);
	ck_assert_int_eq(c->global.log_level, LOG_INFO);
	ck_assert_str_eq(c->global.plugin_dir, "");
	ck_assert_str_eq(e->info.name, "a");
	ck_assert_uint_eq(e->info.mode, 0660);
	ck_assert_uint_eq(e->info.owner, (uid_t)-1);
	ck_assert_uint_eq(e->info.group, (gid_t)-1);
	ck_assert_uint_eq(e->info.max_peers, 1024);
	ck_assert_uint_eq(e->info.max_request, 1024 * 1024);
	ck_assert_uint_eq(e->max_peers_per_uid, 0);
	ck_assert_uint_eq(e->max_inflight, 65536);
	ck_assert_uint_eq(e->idle_timeout, 0);
	ck_assert_uint_eq(e->slow_timeout, 10000000);
	ck_assert_uint_eq(e->line, 1);
	ck_assert_uint_eq(e->service->timeout, 30000000);
	ck_assert_uint_eq(config_find_endpoint(c, "b")->info.mode, 0620);
	ck_assert_uint_eq(config_find_endpoint(c, "b")->info.out_mode, 0640);
}
END_TEST

START_TEST(each_type_of_value)
{
	CLEANUP_CONFIG struct config *c = text_load("[endpoint.a]\n"
						    "transport = every\n"
						    "yes = no\n"
						    "count = 18446744073709551615\n"
						    "size = 1024K\n"
						    "time = 1h\n"
						    "bits = 0751\n"
						    "string = two words\n"
						    "place = @abstract\n"
						    "colour = blue\n"
						    "user = root\n"
						    "agroup = 4294967294\n"
						    "users = root, 12\t4294967294,,7\n"
						    "groups = 5\n",
		&reg, NULL);
	const struct fake_every *v = c->endpoints[0].values;

	ck_assert(!v->yes);
	ck_assert_uint_eq(v->count, UINT64_MAX);
	ck_assert_uint_eq(v->size, 1024 * 1024);
	ck_assert_uint_eq(v->time, 3600000000);
	ck_assert_uint_eq(v->mode, 0751);
	ck_assert_str_eq(v->string, "two words");
	ck_assert_str_eq(v->path, "@abstract");
	ck_assert_int_eq(v->choice, 2);
	ck_assert_uint_eq(v->ids.user, 0);
	ck_assert_uint_eq(v->ids.group, UINT32_MAX - 1);
	ck_assert_uint_eq(v->ids.users.n, 4);
	ck_assert_uint_eq(v->ids.users.ids[0], 0);
	ck_assert_uint_eq(v->ids.users.ids[1], 12);
	ck_assert_uint_eq(v->ids.users.ids[2], UINT32_MAX - 1);
	ck_assert_uint_eq(v->ids.users.ids[3], 7);
	ck_assert_uint_eq(v->ids.groups.n, 1);
	ck_assert_uint_eq(v->ids.groups.ids[0], 5);
}
END_TEST

START_TEST(each_type_unset)
{
	CLEANUP_CONFIG struct config *c =
		text_load("[endpoint.a]\ntransport = every\nplace =\ncolour =\n", &reg, NULL);
	const struct fake_every *v = c->endpoints[0].values;

	ck_assert(v->yes);
	ck_assert_uint_eq(v->count, 5);
	ck_assert_uint_eq(v->size, 65536);
	ck_assert_uint_eq(v->mode, 0600);
	ck_assert_str_eq(v->string, "text");
	ck_assert_str_eq(v->path, "/run/test/every"); /* below the runtime directory */
	ck_assert_int_eq(v->choice, 1);
	ck_assert_uint_eq(v->ids.user, (uid_t)-1);
	ck_assert_uint_eq(v->ids.group, (gid_t)-1);
	ck_assert_uint_eq(v->ids.users.n, 0);
	ck_assert_uint_eq(v->ids.groups.n, 0);
}
END_TEST

START_TEST(every_word_for_yes_and_no)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
	CLEANUP_FREE char *why = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		CLEANUP_CONFIG struct config *c = NULL;
		char text[64];

		snprintf(text, sizeof(text), "[endpoint.a]\ntransport=every\nyes=%s\n", words[i]);
		c = text_load(text, &reg, NULL);
		ck_assert(((const struct fake_every *)c->endpoints[0].values)->yes == (i % 2 == 1));
	}
	why = text_error("[endpoint.a]\ntransport = every\nyes = si\n", &reg);
	ck_assert_str_eq(why, "3: yes: 'si' is neither yes nor no");
}
END_TEST

/* Types may be added at the end without a new ABI. */
START_TEST(a_type_from_the_future)
{
	static const struct rv_option option = {"key", "", "help", (enum rv_type)99};
	struct arena arena = {0};
	char why[PARSE_WHY], field[16] = "untouched";

	ck_assert_int_eq(parse_option(&arena, &option, "1", field, why), -EINVAL);
	ck_assert_str_eq(why, "a plugin wants a type that this revd does not have");
	ck_assert_str_eq(field, "untouched");
}
END_TEST

START_TEST(a_bound_may_be_missing)
{
	CLEANUP_FREE char *why = text_error("[endpoint.a]\ntransport = every\ncount = 1\n", &reg);

	ck_assert_str_eq(why, "3: count: '1' is out of range, the least is 2");
}
END_TEST

START_TEST(bounds_are_inclusive)
{
	static const struct {
		const char *text;
		bool fine;
	} cases[] = {
		{"size = 15B", false},
		{"size = 16B", true},
		{"size = 1M", true},
		{"size = 1048577B", false},
		{"time = 999us", false},
		{"time = 1ms", true},
		{"time = 60min", true},
		{"time = 3601s", false},
		{"count = 18446744073709551616", false},
	};
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_CONFIG struct config *c = NULL;
		struct config_errors errs = {0};

		snprintf(text, sizeof(text), "[endpoint.a]\ntransport=every\n%s\n", cases[i].text);
		c = text_load(text, &reg, &errs);
		ck_assert_msg(!!c == cases[i].fine, "%s", cases[i].text);
		ck_assert_uint_eq(errs.n, cases[i].fine ? 0 : 1);
		config_errors_finish(&errs);
	}
}
END_TEST

START_TEST(log_levels_are_syslogs)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	char text[128];

	for (int i = 0; i < 5; i++) {
		CLEANUP_CONFIG struct config *c = NULL;

		snprintf(text, sizeof(text), "[revd]\nlog_level=%s\n[endpoint.a]\ntransport=uds\n",
			names[i]);
		c = text_load(text, &reg, NULL);
		ck_assert_int_eq(c->global.log_level, LOG_ERR + i);
	}
}
END_TEST

START_TEST(workers_auto_is_the_affinity_mask)
{
	CLEANUP_CONFIG struct config *c = NULL;
	cpu_set_t all, one;
	size_t cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all)) {
		cpu++;
	}
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	c = text_load("[revd]\nworkers = auto\n[endpoint.a]\ntransport = uds\n", &reg, NULL);
	ck_assert_uint_eq(c->global.workers, 1);
	config_destroy(c);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
	c = text_load("[revd]\nworkers = auto\n[endpoint.a]\ntransport = uds\n", &reg, NULL);
	ck_assert_uint_eq(c->global.workers, (unsigned)CPU_COUNT(&all));
}
END_TEST

START_TEST(plugins_come_before_names_are_looked_up)
{
	CLEANUP_CONFIG struct config *c = text_load(
		"[endpoint.a]\ntransport = uds\n[revd]\nplugin_dir = /usr/lib/revd\n", &reg, NULL);

	ck_assert_int_eq(fake.plugin_calls, 1);
	ck_assert_str_eq(fake.plugin_dir, "/usr/lib/revd");
	ck_assert_str_eq(c->global.plugin_dir, "/usr/lib/revd");
}
END_TEST

START_TEST(plugins_that_fail_are_an_error_of_their_key)
{
	CLEANUP_FREE char *why = NULL;

	fake.plugin_error = "/usr/lib/revd is not owned by root";
	why = text_error(
		"[endpoint.a]\ntransport = uds\n[revd]\nplugin_dir = /usr/lib/revd\n", &reg);
	ck_assert_str_eq(why, "4: plugin_dir: /usr/lib/revd is not owned by root");
}
END_TEST

START_TEST(plugins_are_not_searched_by_a_broken_section)
{
	CLEANUP_FREE char *why =
		text_error("[revd]\nworkers = x\nplugin_dir = /usr/lib/revd\n", &reg);

	ck_assert_str_eq(why, "2: workers: 'x' is neither a number nor 'auto'");
	ck_assert_int_eq(fake.plugin_calls, 1);
	ck_assert_str_eq(fake.plugin_dir, "");
}
END_TEST

START_TEST(a_check_without_a_sentence)
{
	CLEANUP_FREE char *endpoint =
		text_error("[endpoint.a]\ntransport = every\nstring = refuse\n", &reg);
	CLEANUP_FREE char *service =
		text_error("[endpoint.a]\ntransport=uds\n[service.every]\nstring = refuse\n", &reg);

	ck_assert_str_eq(endpoint, "1: endpoint 'a': Operation not permitted");
	ck_assert_str_eq(service, "3: service 'every': Operation not permitted");
}
END_TEST

START_TEST(services_are_shared)
{
	CLEANUP_CONFIG struct config *c =
		text_load("[endpoint.a]\ntransport = uds\n"
			  "[endpoint.b]\ntransport = fifo\n"
			  "[endpoint.c]\ntransport = mqueue\nservice=mine\n"
			  "[service.mine]\ntype=reverse\nunit=byte\n",
			&reg, NULL);
	const struct fake_reverse *mine = c->endpoints[2].service->values;

	ck_assert_uint_eq(c->n_services, 2);
	ck_assert_ptr_eq(c->endpoints[0].service, c->endpoints[1].service);
	ck_assert_str_eq(c->endpoints[2].service->name, "mine");
	ck_assert_str_eq(c->endpoints[2].service->ops->name, "reverse");
	ck_assert_int_eq(mine->unit, 2);
	ck_assert_int_eq(mine->invalid, 0);
}
END_TEST

/* Addresses that differ behind the 255 bytes that are kept of them. */
START_TEST(long_addresses_differ)
{
	static const char format[] = "[endpoint.a]\ntransport=fifo\npath=/%0300d/a\n"
				     "[endpoint.b]\ntransport=fifo\npath=/%0300d/%c\n";
	CLEANUP_CONFIG struct config *c = NULL;
	CLEANUP_FREE char *why = NULL;
	char text[1024];

	snprintf(text, sizeof(text), format, 0, 0, 'b');
	c = text_load(text, &reg, NULL);
	ck_assert_uint_eq(c->n_endpoints, 2);
	snprintf(text, sizeof(text), format, 0, 0, 'a');
	why = text_error(text, &reg);
	ck_assert_ptr_nonnull(strstr(why, "6: path: 'fifo:/000"));
}
END_TEST

/* An endpoint named like a service's built-in uses the section of that name. */
START_TEST(a_section_configures_the_builtin_service)
{
	CLEANUP_CONFIG struct config *c = text_load(
		"[endpoint.a]\ntransport = uds\n[service.reverse]\ninvalid = bytes\n", &reg, NULL);
	const struct fake_reverse *v = c->endpoints[0].service->values;

	ck_assert_uint_eq(c->n_services, 1);
	ck_assert_int_eq(v->invalid, 2);
}
END_TEST

START_TEST(a_missing_file_is_an_error)
{
	struct config_errors errs = {0};
	struct config *c = NULL;

	ck_assert_int_eq(config_load(&(struct config_source){.file = "/nonexistent/revd.conf"},
				 &reg, &c, &errs),
		-EINVAL);
	ck_assert_ptr_null(c);
	ck_assert_uint_eq(errs.n, 1);
	ck_assert_str_eq(errs.text[0], "/nonexistent/revd.conf: No such file or directory");
	config_errors_finish(&errs);
}
END_TEST

START_TEST(errors_beyond_the_limit_are_counted)
{
	struct config_errors errs = {0};

	for (unsigned i = 1; i <= CONFIG_MAX_ERRORS + 3; i++) {
		config_errors_add(&errs, "f", i, "number %u", i);
	}
	ck_assert_uint_eq(errs.n, CONFIG_MAX_ERRORS);
	ck_assert_uint_eq(errs.suppressed, 3);
	ck_assert_str_eq(errs.text[CONFIG_MAX_ERRORS - 1], "f:20: number 20");
	config_errors_finish(&errs);
	ck_assert_uint_eq(errs.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config load");
	TCase *t = tcase_create("load");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, no_file_serves_all_transports);
	tcase_add_test(t, no_file_takes_what_transports_there_are);
	tcase_add_loop_test(t, default_queue_of_a_user, 0, ARRAY_SIZE(queues));
	tcase_add_test(t, defaults_of_the_design);
	tcase_add_test(t, each_type_of_value);
	tcase_add_test(t, each_type_unset);
	tcase_add_test(t, every_word_for_yes_and_no);
	tcase_add_test(t, a_type_from_the_future);
	tcase_add_test(t, a_bound_may_be_missing);
	tcase_add_test(t, bounds_are_inclusive);
	tcase_add_test(t, log_levels_are_syslogs);
	tcase_add_test(t, workers_auto_is_the_affinity_mask);
	tcase_add_test(t, plugins_come_before_names_are_looked_up);
	tcase_add_test(t, plugins_that_fail_are_an_error_of_their_key);
	tcase_add_test(t, plugins_are_not_searched_by_a_broken_section);
	tcase_add_test(t, a_check_without_a_sentence);
	tcase_add_test(t, services_are_shared);
	tcase_add_test(t, a_section_configures_the_builtin_service);
	tcase_add_test(t, long_addresses_differ);
	tcase_add_test(t, a_missing_file_is_an_error);
	tcase_add_test(t, errors_beyond_the_limit_are_counted);
	suite_add_tcase(s, t);
	return runner_run(s);
}
