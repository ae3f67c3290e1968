/*
 * Memory that runs out at each place where it can: the Nth allocation fails, for
 * N = 1, 2, ... until none does. The linker puts __wrap_malloc() and its like in
 * the way of all that is linked here, inih and libc excepted.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/runner.h"
#include "config/load.h"
#include "fake.h"
#include "text.h"

#define ENOUGH 100000 /* a load that needs more allocations than this does not end */

static unsigned long count, fail_at;
static bool fail_for_good;
static bool armed; /* Check allocates too, and ends if it cannot */

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);

static bool must_fail(void)
{
	if (!armed) {
		return false;
	}
	count++;
	return fail_at && (fail_for_good ? count >= fail_at : count == fail_at);
}

void *__wrap_malloc(size_t n)
{
	return must_fail() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return must_fail() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return must_fail() ? NULL : __real_reallocarray(p, n, size);
}

static int load(const char *path, struct config **ret, struct config_errors *errs)
{
	struct fake fake;
	struct config_registry reg = fake_registry(&fake);
	int r;

	count = 0;
	armed = true;
	r = load_as(TEXT_USER, &(struct config_source){.file = path}, &reg, ret, errs);
	armed = false;
	return r;
}

/* Loads with each failure until there was none; the result is what it is without. */
static void run_out(const char *path, int want, bool for_good)
{
	int r = -ENOMEM;

	fail_for_good = for_good;
	for (fail_at = 1; fail_at < ENOUGH; fail_at++) {
		struct config_errors errs = {0};
		struct config *c = NULL;

		r = load(path, &c, &errs);
		ck_assert_msg(!!c == (r == 0), "a configuration and an error, or neither");
		config_destroy(c);
		config_errors_finish(&errs);
		if (count < fail_at) {
			break;
		}
		/* An entry that could not be kept is the only loss that may pass. */
		ck_assert_msg(r == -ENOMEM || r == want, "allocation %lu: %d", fail_at, r);
		ck_assert_msg(r != 0, "allocation %lu failed and nobody noticed", fail_at);
	}
	ck_assert_int_eq(r, want);
	ck_assert_uint_gt(fail_at, 20);
	fail_at = 0;
}

static const char *const paths[] = {
	NULL,
	DATA_DIR "/good/full.conf",
	DATA_DIR "/good/dropin.conf",
	DATA_DIR "/good/every-type.conf",
	DATA_DIR "/good/long-lines.conf",
	DATA_DIR "/bad/many-errors.conf",
	DATA_DIR "/bad/section-unknown.conf",
	DATA_DIR "/bad/transport-missing.conf",
	DATA_DIR "/bad/transport-foreign-key.conf",
	DATA_DIR "/bad/user.conf",
	DATA_DIR "/bad/service-unknown.conf",
	DATA_DIR "/bad/address-twice.conf",
};

static int want_of(const char *path)
{
	return path && strstr(path, "/bad/") ? -EINVAL : 0;
}

START_TEST(one_allocation_fails)
{
	run_out(paths[_i], want_of(paths[_i]), false);
}
END_TEST

START_TEST(all_allocations_fail_from_there_on)
{
	run_out(paths[_i], want_of(paths[_i]), true);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config faults");
	TCase *t = tcase_create("faults");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, one_allocation_fails, 0, ARRAY_SIZE(paths));
	tcase_add_loop_test(t, all_allocations_fail_from_there_on, 0, ARRAY_SIZE(paths));
	suite_add_tcase(s, t);
	return runner_run(s);
}
