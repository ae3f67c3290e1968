/* Files of results: refused before there are any, and old ones are kept until then. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench/report_file.h"
#include "common/runner.h"
#include "util/fd.h"

static char dir[] = "/tmp/revbench-test-XXXXXX";
static char path[64];
static struct report_file rf;
static struct rv_err err;

static void set_up(void)
{
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void tear_down(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void put(FILE *f, const struct report *r)
{
	fprintf(f, "%u rounds\n", r->rounds);
}

static void put_much(FILE *f, const struct report *r)
{
	for (unsigned i = 0; i < 10000; i++) {
		put(f, r);
	}
}

static int write_all(void)
{
	const struct report report = {.rounds = 7};
	int r = report_file_write(&rf, put, &report, &err);

	report_file_finish(&rf);
	return r;
}

static void check_text(const char *expected)
{
	char *text;
	size_t n;

	ck_assert_int_eq(fd_read_file(path, 4096, &text, &n), 0);
	ck_assert_str_eq(text, expected);
	free(text);
}

static void make_old(void)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs("what was measured yesterday, and is longer\n", f);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_new_one_is_written)
{
	ck_assert_int_eq(report_file_open(&rf, path, &err), 0);
	ck_assert_int_eq(write_all(), 0);
	check_text("7 rounds\n");
}
END_TEST

START_TEST(an_old_one_is_replaced_and_keeps_its_mode)
{
	struct stat st;

	make_old();
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(report_file_open(&rf, path, &err), 0);
	ck_assert_int_eq(write_all(), 0);
	check_text("7 rounds\n");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(without_results_nothing_is_changed)
{
	ck_assert_int_eq(report_file_open(&rf, path, &err), 0);
	report_file_finish(&rf);
	ck_assert_int_eq(access(path, F_OK), -1);
	make_old();
	ck_assert_int_eq(report_file_open(&rf, path, &err), 0);
	report_file_finish(&rf);
	check_text("what was measured yesterday, and is longer\n");
}
END_TEST

START_TEST(what_cannot_be_opened_is_named)
{
	char bad[80];

	snprintf(bad, sizeof(bad), "%s/nowhere/file", dir);
	ck_assert_int_eq(report_file_open(&rf, bad, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, bad));
	ck_assert_int_eq(report_file_open(&rf, dir, &err), -EISDIR);
	ck_assert_int_eq(write_all(), 0);
	ck_assert_int_eq(access(dir, F_OK), 0);
}
END_TEST

START_TEST(links_and_devices_are_written_through)
{
	char link[80];

	snprintf(link, sizeof(link), "%s/link", dir);
	ck_assert_int_eq(symlink("file", link), 0);
	ck_assert_int_eq(report_file_open(&rf, link, &err), 0);
	ck_assert_int_eq(write_all(), 0);
	check_text("7 rounds\n");
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(report_file_open(&rf, "/dev/null", &err), 0);
	ck_assert_int_eq(write_all(), 0);
	report_file_finish(&rf);
	ck_assert_int_eq(access("/dev/null", F_OK), 0);
}
END_TEST

START_TEST(a_full_device_is_an_error)
{
	const struct report report = {.rounds = 7};

	ck_assert_int_eq(report_file_open(&rf, "/dev/full", &err), 0);
	ck_assert_int_lt(report_file_write(&rf, put_much, &report, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "/dev/full: "));
	ck_assert_int_eq(report_file_open(&rf, "/dev/full", &err), 0);
	ck_assert_int_eq(write_all(), -ENOSPC); /* a few bytes fail when it is closed */
}
END_TEST

START_TEST(none_is_no_error)
{
	ck_assert_int_eq(report_file_open(&rf, NULL, &err), 0);
	ck_assert_int_eq(write_all(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/report_file");
	TCase *t = tcase_create("report_file");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_new_one_is_written);
	tcase_add_test(t, an_old_one_is_replaced_and_keeps_its_mode);
	tcase_add_test(t, without_results_nothing_is_changed);
	tcase_add_test(t, what_cannot_be_opened_is_named);
	tcase_add_test(t, links_and_devices_are_written_through);
	tcase_add_test(t, a_full_device_is_an_error);
	tcase_add_test(t, none_is_no_error);
	suite_add_tcase(s, t);
	return runner_run(s);
}
