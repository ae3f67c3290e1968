/* What revbench finds out about its machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench/machine.h"
#include "common/runner.h"

static char root[] = "/tmp/revbench-test-XXXXXX";

static void set_up(void)
{
	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static const char *at(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s%s", root, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void tear_down(void)
{
	unlink(at("/a/b/cpu.max"));
	unlink(at("/a/cpu.max"));
	unlink(at("/cpu.max"));
	rmdir(at("/a/b"));
	rmdir(at("/a"));
	ck_assert_int_eq(rmdir(root), 0);
}

START_TEST(the_least_quota_on_the_way_up_counts)
{
	ck_assert_int_eq(mkdir(at("/a"), 0700), 0);
	ck_assert_int_eq(mkdir(at("/a/b"), 0700), 0);
	ck_assert_double_eq(machine_quota(root, "/a/b"), 0);
	put("/a/b/cpu.max", "max 100000\n");
	ck_assert_double_eq(machine_quota(root, "/a/b"), 0);
	put("/a/cpu.max", "150000 100000\n");
	ck_assert_double_eq(machine_quota(root, "/a/b"), 1.5);
	put("/cpu.max", "400000 100000\n");
	ck_assert_double_eq(machine_quota(root, "/a/b"), 1.5);
	ck_assert_double_eq(machine_quota(root, "/"), 4);
	put("/a/b/cpu.max", "50000 100000\n");
	ck_assert_double_eq(machine_quota(root, "/a/b"), 0.5);
	put("/a/b/cpu.max", "1 0\n");
	ck_assert_double_eq(machine_quota(root, "/a/b"), 1.5);
}
END_TEST

START_TEST(notes_are_kept_once_and_bounded)
{
	struct machine m = {0};

	machine_note(&m, "same %d", 1);
	machine_note(&m, "same %d", 1);
	ck_assert_uint_eq(m.n_notes, 1);
	for (int i = 0; i < 2 * MACHINE_NOTES; i++) {
		machine_note(&m, "note %d", i);
	}
	ck_assert_uint_eq(m.n_notes, MACHINE_NOTES);
}
END_TEST

/* The loops run on every CPU that is ours, and none of them outlives its end. */
START_TEST(cores_are_kept_awake_and_let_go)
{
	struct machine m;

	machine_init(&m);
	machine_keep_awake(&m);
	if (m.can_pin && !m.has_quota) {
		ck_assert(m.awake);
		ck_assert_uint_eq(m.n_loops, m.cpus);
	}
	for (size_t i = 0; i < m.n_loops; i++) {
		ck_assert(proc_alive(&m.loops[i]));
	}
	machine_finish(&m);
	ck_assert_uint_eq(m.n_loops, 0);
}
END_TEST

START_TEST(placing_is_what_was_asked_for)
{
	cpu_set_t before, now;
	struct machine m;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	machine_init(&m);
	if (m.can_pin) {
		ck_assert(machine_place(&m, BENCH_SAME, 0));
		ck_assert(machine_place(&m, BENCH_SPLIT, 0));
	}
	ck_assert(!machine_place(&m, BENCH_FREE, 0));
	ck_assert_int_eq(sched_getaffinity(0, sizeof(now), &now), 0);
	ck_assert(CPU_EQUAL(&now, &before)); /* no more than the user gave us */
	m.can_pin = false;
	ck_assert(!machine_place(&m, BENCH_SAME, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/machine");
	TCase *t = tcase_create("machine");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_least_quota_on_the_way_up_counts);
	tcase_add_test(t, notes_are_kept_once_and_bounded);
	tcase_add_test(t, cores_are_kept_awake_and_let_go);
	tcase_add_test(t, placing_is_what_was_asked_for);
	suite_add_tcase(s, t);
	return runner_run(s);
}
