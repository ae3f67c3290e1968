/* The transport nats as a plugin: what it says of configurations, and its man page. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <revd/backend.h>
#include "common/runner.h"
#include "util/fd.h"
#include "util/macro.h"

static const struct rv_backend_ops *ops;

static void setup(void)
{
	void *plugin = dlopen(getenv("REVD_TEST_NATS"), RTLD_NOW | RTLD_LOCAL);

	ck_assert_msg(plugin, "%s", dlerror());
	ops = dlsym(plugin, REVD_BACKEND_SYM);
	ck_assert_ptr_nonnull(ops);
}

static const struct rv_option *option_of(const char *key)
{
	for (const struct rv_option *o = ops->options; o->key; o++) {
		if (strcmp(o->key, key) == 0) {
			return o;
		}
	}
	ck_abort_msg("no key %s", key);
	return NULL;
}

/* A configuration of defaults; the caller frees it. */
static char *defaults(void)
{
	char *cfg = calloc(1, ops->config_size);

	ck_assert_ptr_nonnull(cfg);
	for (const struct rv_option *o = ops->options; o->key; o++) {
		if (o->type == RV_STRING || o->type == RV_PATH) {
			memcpy(cfg + o->offset, &o->def, sizeof o->def);
		}
	}
	return cfg;
}

static void set(char *cfg, const char *key, const char *value)
{
	memcpy(cfg + option_of(key)->offset, &value, sizeof value);
}

static const struct {
	const char *key, *value;
	bool fine;
} values[] = {
	{"url", "nats://127.0.0.1:4222", true},
	{"url", "tls://a.example", true},
	{"url", "nats://u:p@a:1, nats://b:2 tls://[::1]:3", true},
	{"url", " , ", false},
	{"url", "127.0.0.1:4222", false},
	{"url", "nats://", false},
	{"url", "nats://u:p@", false},
	{"url", "nats://a, http://b", false},
	{"url", "nats://a/subject", false},
	{"subject", "a", true},
	{"subject", "a.b-c_D.1", true},
	{"subject", "a.b*", true}, /* no wildcard: it is not alone in its token */
	{"subject", "a.*", false},
	{"subject", ">", false},
	{"subject", "", false},
	{"subject", ".a", false},
	{"subject", "a.", false},
	{"subject", "a..b", false},
	{"subject", "a b", false},
	{"subject", "a\tb", false},
	{"subject", "$JS.API", false},
	{"queue", "a.b", true},
	{"queue", "a b", false},
	{"tls_cert", "/cert", false},
	{"tls_key", "/key", false},
};

START_TEST(configurations)
{
	CLEANUP_FREE char *cfg = defaults();
	struct rv_err e = {""};
	int r;

	set(cfg, values[_i].key, values[_i].value);
	r = ops->check(cfg, &e);
	ck_assert_msg((r == 0) == values[_i].fine, "%s = %s: %s", values[_i].key, values[_i].value,
		e.msg);
	if (r < 0) {
		ck_assert_str_eq(e.key, values[_i].key);
	}
}
END_TEST

/* Neither names nor passwords, and of the servers the first. */
START_TEST(addresses)
{
	CLEANUP_FREE char *cfg = defaults();
	char address[256];

	ops->address(cfg, address, sizeof address);
	ck_assert_str_eq(address, "nats://127.0.0.1:4222/revd.reverse");
	set(cfg, "url", " tls://me:se@cret@a.example:1, nats://b");
	set(cfg, "subject", "x.y");
	ops->address(cfg, address, sizeof address);
	ck_assert_str_eq(address, "tls://a.example:1/x.y");
}
END_TEST

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

/* Each key with its default, and whether a reload can change it in place. */
START_TEST(the_man_page_agrees)
{
	CLEANUP_FREE char *page = NULL;
	char key[64], want[256];
	size_t n;

	ck_assert_int_eq(fd_read_file(getenv("REVD_TEST_NATS_PAGE"), 1 << 20, &page, &n), 0);
	for (const struct rv_option *o = ops->options; o->key; o++) {
		escape(o->key, key);
		snprintf(want, sizeof want, "\n*%s* =%s%s%s\n", key, *o->def ? " " : "", o->def,
			o->live ? "" : " (reopens)");
		ck_assert_msg(strstr(page, want), "the page lacks '%s'", want + 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nats");
	TCase *tc = tcase_create("plugin");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, configurations, 0, ARRAY_SIZE(values));
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, the_man_page_agrees);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
