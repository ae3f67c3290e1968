/* What the targets say of figures that are known, and that the idle ones are measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/plan.h"
#include "common/runner.h"
#include "targets/targets.h"
#include "util/fd.h"

static void set_rate(struct bench_contender *c, double rate)
{
	c->n = 5;
	for (size_t i = 0; i < c->n; i++) {
		c->samples[i].ns = 1000000000;
		c->samples[i].requests = (uint64_t)rate;
	}
}

/* Contenders of targets get what they are to reach, or a part of it. */
START_TEST(targets_are_met_or_missed)
{
	struct plan p = {.can_split = true};
	unsigned missed[2];

	memset(p.serves, 1, sizeof(p.serves));
	ck_assert_int_eq(targets_plan(&p), 0);
	for (int slow = 0; slow < 2; slow++) {
		FILE *f = fopen("/dev/null", "we");

		ck_assert_ptr_nonnull(f);
		for (size_t i = 0; i < p.n; i++) {
			for (size_t k = 0; k < p.groups[i]->n; k++) {
				struct bench_contender *c = &p.groups[i]->contenders[k];

				double ours = (slow ? 1e4 : 1e8) *
					      (c->transport == BENCH_SHM ? 2 : 1);

				set_rate(c, c->side != BENCH_REVD ? 1e5 : ours);
			}
		}
		missed[slow] = targets_report(f, &p, NULL);
		fclose(f);
	}
	ck_assert_uint_eq(missed[0], 0);
	ck_assert_uint_eq(missed[1], 39);
	plan_finish(&p);
}
END_TEST

START_TEST(idle_costs_are_measured)
{
	char dir[] = "/tmp/revbench-test-XXXXXX";
	struct daemon_options o = {.program = getenv("REVD"), .parent = dir};
	struct rv_err err = {""};
	struct idle idle;

	ck_assert_ptr_nonnull(o.program);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_msg(idle_measure(&idle, &o, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(idle.connections, IDLE_CONNECTIONS);
	ck_assert_double_gt(idle.pss, 0);
	ck_assert_double_gt(idle.bytes_per_connection, 0);
	ck_assert_double_gt(idle.ready_ms.median, 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/targets");
	TCase *t = tcase_create("targets");

	fd_raise_limit(); /* 1024 are not enough for IDLE_CONNECTIONS */
	tcase_set_timeout(t, 60);
	tcase_add_test(t, targets_are_met_or_missed);
	tcase_add_test(t, idle_costs_are_measured);
	suite_add_tcase(s, t);
	return runner_run(s);
}
