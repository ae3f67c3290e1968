#include <errno.h>
#include <string.h>
#include "common/runner.h"
#include "exec/prefix.h"

static const struct rv_request known = {
	.uid = 1000, .gid = 0, .endpoint = "main", .transport = "uds"};
static const struct rv_request unknown = {
	.uid = (uid_t)-1, .gid = (gid_t)-1, .endpoint = "e", .transport = "fifo"};

START_TEST(fields)
{
	char buf[PREFIX_SIZE];
	struct prefix p;
	size_t n;

	ck_assert_int_eq(prefix_parse(&p, ""), 0);
	ck_assert_uint_eq(prefix_write(&p, &known, buf), 0);
	ck_assert_int_eq(prefix_parse(&p, " transport,uid  gid endpoint "), 0);
	n = prefix_write(&p, &known, buf);
	ck_assert_uint_eq(n, strlen("uds 1000 0 main "));
	ck_assert_mem_eq(buf, "uds 1000 0 main ", n);
	n = prefix_write(&p, &unknown, buf);
	ck_assert_mem_eq(buf, "fifo - - e ", n);
	ck_assert_int_eq(prefix_parse(&p, "uid pid"), -EINVAL);
	ck_assert_int_eq(prefix_parse(&p, "ui"), -EINVAL);
	ck_assert_int_eq(prefix_parse(&p, "uid uid uid uid uid"), -EINVAL);
}
END_TEST

START_TEST(variables)
{
	char buf[PREFIX_SIZE], *v[PREFIX_FIELDS];

	ck_assert_uint_eq(prefix_variables(&known, buf, v), 4);
	ck_assert_str_eq(v[0], "REVD_UID=1000");
	ck_assert_str_eq(v[1], "REVD_GID=0");
	ck_assert_str_eq(v[2], "REVD_ENDPOINT=main");
	ck_assert_str_eq(v[3], "REVD_TRANSPORT=uds");
	ck_assert_uint_eq(prefix_variables(&unknown, buf, v), 2);
	ck_assert_str_eq(v[0], "REVD_ENDPOINT=e");
	ck_assert_str_eq(v[1], "REVD_TRANSPORT=fifo");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prefix");
	TCase *tc = tcase_create("prefix");

	tcase_add_test(tc, fields);
	tcase_add_test(tc, variables);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
