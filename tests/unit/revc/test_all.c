/* --all, where the daemon cannot be asked what it serves. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "revc/all.h"
#include "common/runner.h"
#include "unit/librevc/fake.h"
#include "util/macro.h"

static const struct {
	struct fake_habits habits;
	int code;
	const char *says;
} ends[] = {
	{{.busy = 1}, 75, ": busy: "},
	{{.refuse = "\x15"
		    "denied: not you\n"},
		77, ": denied: not you"},
	{{.refuse = "\x15"
		    "busy: too many\n"},
		75, ": busy: too many"},
	{{.silent = true}, 75, ": no reply in time, try later"},
	{{.max_request = 1}, 69, ": does not say what it serves"},
};

/* Runs it and gives back what it said on standard error. */
static int run(const struct arguments *o, char *said, size_t size)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO), code;
	size_t n;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(dup2(fileno(f), STDERR_FILENO), 0);
	code = all_run(o);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	rewind(f);
	n = fread(said, 1, size - 1, f);
	said[n] = '\0';
	(void)fclose(f);
	return code;
}

START_TEST(says_why_not)
{
	struct arguments o = {.mode = MODE_ALL, .session.timeout_us = 300000};
	struct fake f;
	char said[600];

	fake_start(&f, &ends[_i].habits);
	(void)snprintf(o.uri, sizeof(o.uri), "%s", fake_uri(&f));
	ck_assert_int_eq(run(&o, said, sizeof(said)), ends[_i].code);
	ck_assert_msg(strstr(said, ends[_i].says) && strstr(said, o.uri), "%s", said);
	fake_stop(&f);
}
END_TEST

START_TEST(nobody_is_there)
{
	struct arguments o = {.mode = MODE_ALL, .uri = "uds:/nowhere/at/all"};
	char said[600];

	ck_assert_int_eq(run(&o, said, sizeof(said)), 69);
	ck_assert_ptr_nonnull(strstr(said, "uds:/nowhere/at/all: nobody serves there"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("revc/all");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, says_why_not, 0, (int)ARRAY_SIZE(ends));
	tcase_add_test(t, nobody_is_there);
	suite_add_tcase(s, t);
	return runner_run(s);
}
