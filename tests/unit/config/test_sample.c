/*
 * What people read about the keys, against the tables of the real transports and
 * services: conf/revd.conf is what the tables make, and revd.conf(5) has each key
 * in the section where it belongs, with its default and what a reload does to it.
 *
 * With --print it writes the sample: test_config_sample --print > conf/revd.conf
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "builtin.h"
#include "common/runner.h"
#include "config/load.h"
#include "config/tables.h"
#include "server/registry.h"
#include "service/builtin.h"
#include "util/fd.h"
#include "text.h"

extern const struct rv_backend_ops uds_backend, fifo_backend, mqueue_backend;

/* Those for everybody; loopback is for programs of its own process. */
static const struct rv_backend_ops *const backends[] = {
	&uds_backend, &fifo_backend, &mqueue_backend, NULL};

static struct registry *registry;
static struct config_registry reg;

static void setup(void)
{
	ck_assert_int_eq(registry_create(backends, services_builtin, NULL, &registry), 0);
	reg = registry_for_config(registry);
}

static void teardown(void)
{
	registry_destroy(registry);
}

static char *read_conf(const char *name)
{
	char path[512], *text = NULL;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", CONF_DIR, name);
	ck_assert_msg(fd_read_file(path, 1 << 20, &text, &n) == 0, "%s", path);
	return text;
}

static char *make_sample(void)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	ck_assert_int_eq(config_sample(&reg, f), 0);
	fclose(f);
	return text;
}

START_TEST(the_file_is_the_sample)
{
	CLEANUP_FREE char *file = read_conf("revd.conf");
	CLEANUP_FREE char *sample = make_sample();

	text_check_same(file, sample);
}
END_TEST

/* Takes the comment sign from lines like "#key = value". */
static void uncomment(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (!(*p == '#' && (p == text || p[-1] == '\n') && p[1] != ' ')) {
			*to++ = *p;
		}
	}
	*to = '\0';
}

static void check_same(const struct config *a, const struct config *b)
{
	ck_assert_mem_eq(&a->global, &b->global, offsetof(struct config_global, plugin_dir));
	ck_assert_str_eq(a->global.plugin_dir, b->global.plugin_dir);
	ck_assert_uint_eq(a->n_endpoints, b->n_endpoints);
	for (size_t i = 0; i < a->n_endpoints; i++) {
		ck_assert_str_eq(a->endpoints[i].name, b->endpoints[i].name);
		ck_assert_int_eq(
			config_endpoint_diff(&a->endpoints[i], &b->endpoints[i]), CONFIG_SAME);
	}
}

/* As it is, with all comment signs gone, and no file at all: the same. */
START_TEST(the_sample_means_the_defaults)
{
	CLEANUP_FREE char *sample = make_sample();
	CLEANUP(config_destroy_p) struct config *as_is = text_load(sample, &reg, NULL);
	CLEANUP(config_destroy_p) struct config *spelt = NULL, *none = NULL;
	struct config_errors errs = {0};

	/* Its paths are written for /run/revd and text_load() is not there. */
	uncomment(sample);
	spelt = text_load(sample, &reg, NULL);
	ck_assert_int_eq(config_load(&(struct config_source){0}, &reg, &none, &errs), 0);
	check_same(spelt, none);
	ck_assert_uint_eq(as_is->n_endpoints, 3);
	ck_assert_str_eq(as_is->endpoints[0].address, "uds:/run/test/revd.sock");
	ck_assert_str_eq(spelt->endpoints[0].address, "uds:/run/revd/revd.sock");
}
END_TEST

/* As scdoc(5) wants it: an underscore is a sign unless it is escaped. */
static void escape(const char *s, char *to)
{
	for (; *s; s++) {
		if (*s == '_') {
			*to++ = '\\';
		}
		*to++ = *s;
	}
	*to = '\0';
}

/* The text from a heading to the next one. */
static char *section_of(const char *page, const char *heading)
{
	char line[128];
	const char *start, *end;

	snprintf(line, sizeof(line), "\n%s\n", heading);
	start = strstr(page, line);
	ck_assert_msg(start, "no heading '%s'", heading);
	start += strlen(line);
	end = strstr(start, "\n#");
	return end ? strndup(start - 1, (size_t)(end - start + 2)) : strdup(start - 1);
}

/* mark: what stands behind the default of a key that is not live; NULL: nothing
 * is said about that. Returns how many keys there are. */
static size_t check_section(
	const char *page, const char *heading, const struct rv_option *table, const char *mark)
{
	CLEANUP_FREE char *section = section_of(page, heading);
	size_t n = 0;

	for (; table && table->key; table++, n++) {
		bool marked = mark && !table->live;
		char key[128], def[128], want[512];

		escape(table->key, key);
		escape(table->def, def);
		snprintf(want, sizeof(want), "\n*%s* =%s%s%s%s\n", key, *def ? " " : "", def,
			marked ? " " : "", marked ? mark : "");
		ck_assert_msg(strstr(section, want), "'%s' lacks '%s'", heading, want + 1);
	}
	return n;
}

static size_t count_keys(const char *page)
{
	size_t n = 0;

	for (const char *p = page; (p = strstr(p, "\n*")); p++) {
		const char *end = strchr(p + 1, '\n');

		n += memmem(p, (size_t)(end - p), "* =", 3) ? 1 : 0;
	}
	return n;
}

START_TEST(the_man_page_agrees)
{
	CLEANUP_FREE char *page = read_conf("revd.conf.5.scd");
	char heading[64];
	size_t n = 0;

	n += check_section(page, "# [revd]", global_options, "(restart)");
	n += check_section(page, "# [endpoint.NAME]", endpoint_options, "(reopens)");
	n += check_section(page, "# [service.NAME]", service_options, NULL);
	for (size_t i = 0; backends_builtin[i]; i++) {
		char named[32];

		snprintf(named, sizeof(named), "*%s*,", backends_builtin[i]->name);
		ck_assert_msg(strstr(page, named), "transport %s is not documented", named);
		snprintf(heading, sizeof(heading), "## Transport %s", backends_builtin[i]->name);
		n += check_section(page, heading, backends_builtin[i]->options, "(reopens)");
	}
	for (size_t i = 0; services_builtin[i]; i++) {
		snprintf(heading, sizeof(heading), "## Service %s", services_builtin[i]->name);
		n += check_section(page, heading, services_builtin[i]->options, NULL);
	}
	ck_assert_uint_eq(count_keys(page), n); /* and none that there isn't */
}
END_TEST

/* The examples of the page that are whole configurations. */
START_TEST(the_examples_of_the_man_page_load)
{
	CLEANUP_FREE char *page = read_conf("revd.conf.5.scd");
	int n = 0;

	for (char *p = page, *end; (p = strstr(p, "\n```\n")); p = end + 4) {
		p += 5;
		end = strstr(p, "\n```\n");
		ck_assert_ptr_nonnull(end);
		end[1] = '\0';
		if (*p == '[' && strstr(p, "transport")) {
			CLEANUP(config_destroy_p) struct config *c = text_load(p, &reg, NULL);

			ck_assert_uint_ge(c->n_endpoints, 1);
			n++;
		}
		end[1] = '`';
	}
	ck_assert_int_ge(n, 2);
}
END_TEST

START_TEST(the_demo_loads)
{
	CLEANUP_FREE char *text = read_conf("revd-demo.conf");
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct registry *all;
	struct config_registry all_reg;

	ck_assert_int_eq(registry_create(backends_builtin, services_builtin, NULL, &all), 0);
	all_reg = registry_for_config(all);
	c = text_load(text, &all_reg, NULL);
	ck_assert_uint_eq(c->n_endpoints, 5);
	registry_destroy(all);
}
END_TEST

static int print(void)
{
	int r = registry_create(backends, services_builtin, NULL, &registry);

	if (r == 0) {
		reg = registry_for_config(registry);
		r = config_sample(&reg, stdout);
		registry_destroy(registry);
	}
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	Suite *s;
	TCase *t;

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		return print();
	}
	s = suite_create("config sample");
	t = tcase_create("sample");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_file_is_the_sample);
	tcase_add_test(t, the_sample_means_the_defaults);
	tcase_add_test(t, the_man_page_agrees);
	tcase_add_test(t, the_examples_of_the_man_page_load);
	tcase_add_test(t, the_demo_loads);
	suite_add_tcase(s, t);
	return runner_run(s);
}
