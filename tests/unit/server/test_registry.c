/* Plugins that are installed, and found by the name of what they bring. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "builtin.h"
#include "common/late.h"
#include "common/stage.h"
#include "server/registry.h"
#include "service/builtin.h"

static struct rig rig;
static char dir[RIG_PATH];
static struct registry *registry;
static struct config_registry reg;

static void setup(void)
{
	rig_init(&rig);
	late_install(&rig, "plugins", getenv("REVD_TEST_TCP"));
	rig_path(&rig, "plugins", dir);
	ck_assert_int_eq(registry_create(backends_builtin, services_builtin, dir, &registry), 0);
	reg = registry_for_config(registry);
}

static void teardown(void)
{
	registry_destroy(registry);
	rig_finish(&rig);
}

static bool is_listed(const char *name)
{
	const char *known;

	for (size_t i = 0; (known = reg.backend_name(reg.ctx, i)); i++) {
		if (strcmp(known, name) == 0) {
			return true;
		}
	}
	return false;
}

START_TEST(loaded_when_named)
{
	const struct rv_backend_ops *tcp;

	ck_assert(!is_listed("tcp"));
	tcp = reg.backend(reg.ctx, "tcp");
	ck_assert_ptr_nonnull(tcp);
	ck_assert_str_eq(tcp->name, "tcp");
	ck_assert(is_listed("tcp"));
	ck_assert_ptr_eq(reg.backend(reg.ctx, "tcp"), tcp);
	ck_assert_ptr_null(reg.service(reg.ctx, "tcp"));
}
END_TEST

/* What is there under another name, what is not there, and what is no name. */
START_TEST(not_by_another_name)
{
	char from[RIG_PATH], to[RIG_PATH];

	ck_assert_int_eq(rename(rig_path(&rig, "plugins/tcp.so", from),
				 rig_path(&rig, "plugins/other.so", to)),
		0);
	ck_assert_ptr_null(reg.backend(reg.ctx, "tcp"));
	ck_assert_ptr_null(reg.backend(reg.ctx, "../plugins/other"));
	ck_assert_ptr_null(reg.backend(reg.ctx, ""));
	ck_assert_ptr_null(reg.backend(reg.ctx, "other"));  /* it brings tcp, */
	ck_assert_ptr_nonnull(reg.backend(reg.ctx, "tcp")); /* which is there now */
}
END_TEST

START_TEST(not_if_others_may_write_it)
{
	char path[RIG_PATH];

	ck_assert_int_eq(chmod(rig_path(&rig, "plugins/tcp.so", path), 0775), 0);
	ck_assert_ptr_null(reg.backend(reg.ctx, "tcp"));
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(chmod(dir, 0777), 0);
	ck_assert_ptr_null(reg.backend(reg.ctx, "tcp"));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_ptr_nonnull(reg.backend(reg.ctx, "tcp"));
}
END_TEST

START_TEST(none_are_installed)
{
	struct registry *none;
	struct config_registry r;

	ck_assert_int_eq(registry_create(backends_builtin, services_builtin, NULL, &none), 0);
	r = registry_for_config(none);
	ck_assert_ptr_null(r.backend(r.ctx, "tcp"));
	ck_assert_ptr_nonnull(r.backend(r.ctx, "uds"));
	registry_destroy(none);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("registry");
	TCase *tc = stage_tcase("installed");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, loaded_when_named);
	tcase_add_test(tc, not_by_another_name);
	tcase_add_test(tc, not_if_others_may_write_it);
	tcase_add_test(tc, none_are_installed);
	suite_add_tcase(s, tc);
	return stage_run(s);
}
