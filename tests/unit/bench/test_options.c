/* The command line: what is taken, and what is refused with 64. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "bench/bench_options.h"
#include "common/runner.h"

static struct bench_options o;

/* argv after the program's name, ended by NULL. */
static int parse(const char *a, const char *b, const char *c)
{
	static char words[4][64];
	const char *from[] = {"revbench", a, b, c};
	char *argv[5] = {0};
	int argc = 0;

	for (; argc < 4 && from[argc]; argc++) {
		snprintf(words[argc], sizeof(words[argc]), "%s", from[argc]);
		argv[argc] = words[argc];
	}
	optind = 0; /* glibc: start anew */
	return bench_options_parse(&o, argc, argv);
}

START_TEST(defaults)
{
	ck_assert_int_lt(parse(NULL, NULL, NULL), 0);
	ck_assert_uint_eq(o.rounds, 5);
	ck_assert_uint_eq(o.slice_ns, 200000000);
	ck_assert(o.only[BENCH_STREAM] && o.only[BENCH_MQUEUE]);
	ck_assert_str_eq(o.command, "revbench");
	bench_options_finish(&o);
	ck_assert_int_lt(parse("--quick", NULL, NULL), 0);
	ck_assert_uint_eq(o.rounds, 3);
	bench_options_finish(&o);
}
END_TEST

START_TEST(values)
{
	ck_assert_int_lt(parse("--only=fifo", "--slice=1s", "--rounds=7"), 0);
	ck_assert(o.only[BENCH_FIFO]);
	ck_assert(!o.only[BENCH_STREAM] && !o.only[BENCH_SEQPACKET] && !o.only[BENCH_MQUEUE]);
	ck_assert_uint_eq(o.slice_ns, 1000000000);
	ck_assert_uint_eq(o.rounds, 7);
	ck_assert_str_eq(o.command, "revbench --only=fifo --slice=1s --rounds=7");
	bench_options_finish(&o);
	ck_assert_int_lt(parse("--size=1K", "--in-flight=8", "--clients=3"), 0);
	ck_assert(o.custom);
	ck_assert_uint_eq(o.load.size, 1024);
	ck_assert_uint_eq(o.load.window, 8);
	ck_assert_uint_eq(o.load.clients, 3);
	bench_options_finish(&o);
	ck_assert_int_lt(parse("-e", "uds:/x", "--rate=5"), 0);
	ck_assert_str_eq(o.uri, "uds:/x");
	ck_assert_uint_eq(o.rate, 5);
	bench_options_finish(&o);
}
END_TEST

START_TEST(refused)
{
	static const char *const bad[] = {"--only=udp", "--slice=5", "--slice=1ms", "--rounds=0",
		"--rounds=65", "--rate=-1", "--rate=x", "--nonsense", "word", "--size=15B",
		"--size=64", "--in-flight=0", "--clients=5000"};

	ck_assert_int_eq(parse(bad[_i], NULL, NULL), EX_USAGE);
	ck_assert_ptr_null(o.command);
}
END_TEST

/* Standard output is the protocol of the tests, so what is printed goes elsewhere. */
static int parse_printing(const char *arg)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int kept = dup(STDOUT_FILENO), r;

	ck_assert_int_ge(null, 0);
	ck_assert_int_ge(kept, 0);
	fflush(stdout);
	ck_assert_int_ge(dup2(null, STDOUT_FILENO), 0);
	r = parse(arg, NULL, NULL);
	fflush(stdout);
	ck_assert_int_ge(dup2(kept, STDOUT_FILENO), 0);
	close(kept);
	close(null);
	return r;
}

START_TEST(help_and_version_end_well)
{
	ck_assert_int_eq(parse_printing("--help"), EX_OK);
	ck_assert_int_eq(parse_printing("--version"), EX_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench/options");
	TCase *t = tcase_create("options");

	tcase_add_test(t, defaults);
	tcase_add_test(t, values);
	tcase_add_loop_test(t, refused, 0, 13);
	tcase_add_test(t, help_and_version_end_well);
	suite_add_tcase(s, t);
	return runner_run(s);
}
