/* One entry, one line, whatever it holds; and never more of them than allowed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "util/fd.h"
#include "util/log.h"

#define S 1000000000ull

START_TEST(limit_lets_a_burst_through)
{
	struct log_limit l = {0};
	uint32_t suppressed = 99;

	for (int i = 0; i < 10; i++) {
		ck_assert(log_allow(&l, 5 * S, &suppressed));
		ck_assert_uint_eq(suppressed, 0);
	}
	for (int i = 0; i < 100; i++) {
		ck_assert(!log_allow(&l, 5 * S + S - 1, &suppressed));
	}
	ck_assert(log_allow(&l, 6 * S, &suppressed));
	ck_assert_uint_eq(suppressed, 100);
	ck_assert(!log_allow(&l, 6 * S, &suppressed));
	ck_assert(log_allow(&l, 7 * S, &suppressed));
	ck_assert_uint_eq(suppressed, 1); /* those 100 have been told of */
}
END_TEST

/* Somebody who causes an entry every 100 ms gets one a second in the long run. */
START_TEST(limit_in_the_long_run)
{
	struct log_limit l = {0};
	uint32_t suppressed, total = 0;
	int allowed = 0;

	for (uint64_t i = 0; i < 1000; i++) {
		if (log_allow(&l, 100 * S + i * S / 10, &suppressed)) {
			allowed++;
			total += suppressed;
		}
	}
	ck_assert_int_ge(allowed, 100);
	ck_assert_int_le(allowed, 110);
	ck_assert_uint_ge(total + (uint32_t)allowed, 990); /* each is let through or counted */
}
END_TEST

START_TEST(limit_forgives_after_a_pause)
{
	struct log_limit l = {0};
	uint32_t suppressed;

	for (int i = 0; i < 20; i++) {
		(void)log_allow(&l, S, &suppressed);
	}
	for (int i = 0; i < 10; i++) {
		ck_assert(log_allow(&l, 3600 * S, &suppressed));
	}
	ck_assert(!log_allow(&l, 3600 * S, &suppressed));
}
END_TEST

/* Standard error of the test process is a file while `run` logs. */
static char *capture(void (*run)(void))
{
	char path[] = "/tmp/revd-test-XXXXXX";
	CLEANUP_FD int file = mkstemp(path);
	CLEANUP_FD int saved = dup(STDERR_FILENO);
	char *text = NULL;
	size_t n;

	ck_assert_int_ge(file, 0);
	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(file, STDERR_FILENO), 0);
	run();
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	ck_assert_int_eq(fd_read_file(path, 1 << 20, &text, &n), 0);
	unlink(path);
	return text;
}

static void log_some(void)
{
	log_init("prog");
	log_set_level(LOG_INFO);
	log_error("broken: %d", 5);
	log_info("two\nlines");
	log_debug("not to be seen");
	log_set_level(LOG_DEBUG);
	log_debug("to be seen");
}

START_TEST(plain_lines)
{
	CLEANUP_FREE char *text = NULL;

	unsetenv("JOURNAL_STREAM");
	text = capture(log_some);
	ck_assert_str_eq(text, "prog: error: broken: 5\n"
			       "prog: info: two lines\n"
			       "prog: debug: to be seen\n");
}
END_TEST

static void log_to_journal(void)
{
	char stream[64];
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("prog");
	log_set_level(LOG_INFO);
	log_error("first");
	log_warning("second\n<0>forged");
}

START_TEST(journal_lines)
{
	CLEANUP_FREE char *text = capture(log_to_journal);

	ck_assert_str_eq(text, "<3>first\n<4>second <0>forged\n");
}
END_TEST

static void log_to_another_stream(void)
{
	char stream[64];
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("prog");
	log_error("first");
}

START_TEST(the_journal_of_somebody_else)
{
	CLEANUP_FREE char *text = capture(log_to_another_stream);

	ck_assert_str_eq(text, "prog: error: first\n");
}
END_TEST

static void log_much(void)
{
	static char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	log_init("prog");
	log_error("%s", text);
	log_error("next");
}

START_TEST(long_entries_are_cut_to_a_line)
{
	CLEANUP_FREE char *text = NULL;
	char *end;

	unsetenv("JOURNAL_STREAM");
	text = capture(log_much);
	end = strchr(text, '\n');
	ck_assert_ptr_nonnull(end);
	ck_assert_int_lt(end - text, 1024);
	ck_assert_int_gt(end - text, 900);
	ck_assert_str_eq(end + 1, "prog: error: next\n");
}
END_TEST

static void log_without_stderr(void)
{
	close(STDERR_FILENO);
	errno = ENOTTY;
	log_error("nobody hears this");
	ck_assert_int_eq(errno, ENOTTY); /* callers log and then look at errno */
}

START_TEST(stderr_may_be_closed)
{
	CLEANUP_FREE char *text = capture(log_without_stderr);

	ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_test(t, limit_lets_a_burst_through);
	tcase_add_test(t, limit_in_the_long_run);
	tcase_add_test(t, limit_forgives_after_a_pause);
	tcase_add_test(t, plain_lines);
	tcase_add_test(t, journal_lines);
	tcase_add_test(t, the_journal_of_somebody_else);
	tcase_add_test(t, long_entries_are_cut_to_a_line);
	tcase_add_test(t, stderr_may_be_closed);
	suite_add_tcase(s, t);
	return runner_run(s);
}
