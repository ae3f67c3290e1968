/* A configuration lives as long as anything points into it. */
#include <stdlib.h>
#include "common/runner.h"
#include "server/config_ref.h"

static struct config *destroyed;

void __wrap_config_destroy(struct config *);
void __wrap_config_destroy(struct config *c)
{
	ck_assert_ptr_null(destroyed);
	destroyed = c;
}

START_TEST(it_goes_with_the_last)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_ref *r = config_ref_create(config);

	ck_assert_ptr_nonnull(r);
	ck_assert_ptr_eq(r->config, config);
	ck_assert_ptr_eq(config_ref(r), r);
	config_unref(r);
	ck_assert_ptr_null(destroyed);
	ck_assert_ptr_eq(config_ref(r), r);
	config_unref(r);
	config_unref(r);
	ck_assert_ptr_eq(destroyed, config);
	free(config);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("config_ref");
	Suite *s = suite_create("config_ref");

	tcase_add_test(tc, it_goes_with_the_last);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
