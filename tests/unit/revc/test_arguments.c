/* The command line: what is understood, and the sentences about the rest. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "revc/arguments.h"
#include "common/runner.h"
#include "util/macro.h"

#define ARGS_MAX 8

static const struct {
	const char *args[ARGS_MAX];
	enum arguments_mode mode;
	size_t n;
	bool files, json;
} good[] = {
	{{"revc"}, MODE_TEXTS, 0, false, false},
	{{"revc", "a", "b"}, MODE_TEXTS, 2, false, false},
	{{"revc", "--", "-e"}, MODE_TEXTS, 1, false, false},
	{{"revc", "-e", "fifo:/x", "--json", "a"}, MODE_TEXTS, 1, false, true},
	{{"revc", "-f", "a", "-f", "b", "c"}, MODE_TEXTS, 3, true, false},
	{{"revc", "--ping", "--timeout", "500ms"}, MODE_PING, 0, false, false},
	{{"revc", "--ping", "-c", "1000"}, MODE_PING, 0, false, false},
	{{"revc", "-V"}, MODE_VERSION, 0, false, false},
	{{"revc", "--info"}, MODE_INFO, 0, false, false},
	{{"revc", "--stats", "--json"}, MODE_STATS, 0, false, true},
	{{"revc", "--all", "-e", "uds:/x", "a"}, MODE_ALL, 1, false, false},
	{{"revc", "--help"}, MODE_HELP, 0, false, false},
	{{"revc", "--version"}, MODE_VERSION, 0, false, false},
};

static const struct {
	const char *args[ARGS_MAX];
	const char *sentence;
} bad[] = {
	{{"revc", "--pnig"}, "revc: unknown option '--pnig', did you mean 'ping'?"},
	{{"revc", "--zzz"}, "revc: unknown option '--zzz', see revc --help"},
	{{"revc", "-q"}, "revc: unknown option '-q', see revc --help"},
	{{"revc", "-vq"}, "revc: unknown option '-v', see revc --help"},
	{{"revc", "-e"}, "revc: option '-e' needs a value, see revc --help"},
	{{"revc", "--timeout"}, "revc: option '--timeout' needs a value, see revc --help"},
	{{"revc", "--json=yes"}, "revc: option '--json' takes no value"},
	{{"revc", "--timeout", "5"}, "revc: '5' is no time, its unit is missing: 500ms, 10s, 2min"},
	{{"revc", "--timeout", "soon"}, "revc: 'soon' is no time: 500ms, 10s, 2min"},
	{{"revc", "--timeout", "0"}, "revc: '0' is no time: 500ms, 10s, 2min"},
	{{"revc", "-e", "tcp:x"}, "revc: 'tcp:x' has an unknown transport: use uds:, shm:, fifo:, "
				  "pty:, mqueue:, nats: or tls:"},
	{{"revc", "--ping", "x"},
		"revc: strings are for requests and --all; this option takes none"},
	{{"revc", "--ping", "--info"}, "revc: only one of --ping, --info, --stats, --peers, --top, "
				       "--doctor, --metrics and --all"},
	{{"revc", "--all", "-c", "f"},
		"revc: -c: 'f' is no number of pings; --all asks the daemon at -e"},
	{{"revc", "--ping", "-c", "0"},
		"revc: -c: '0' is no number of pings; --all asks the daemon at -e"},
	{{"revc", "-c", "3", "x"}, "revc: -c goes with --ping"},
	{{"revc", "--all", "a", "b"}, "revc: --all takes one string at most, and no files"},
};

static int parse(const char *const *args, struct arguments *o)
{
	/* getopt_long() may sort its argv */
	static char *argv[ARGS_MAX + 1];
	int argc = 0;

	for (; argc < ARGS_MAX && args[argc]; argc++) {
		argv[argc] = (char *)(uintptr_t)args[argc];
	}
	argv[argc] = NULL;
	optind = 0; /* glibc: begin afresh */
	return arguments_parse(o, argc, argv);
}

START_TEST(understands)
{
	struct arguments o;

	ck_assert_int_eq(parse(good[_i].args, &o), 0);
	ck_assert_int_eq(o.mode, good[_i].mode);
	ck_assert_uint_eq(o.n, good[_i].n);
	ck_assert(o.files == good[_i].files);
	ck_assert(o.json == good[_i].json);
	ck_assert(o.uri[0]);
	arguments_finish(&o);
}
END_TEST

START_TEST(keeps_values)
{
	static const char *const args[ARGS_MAX] = {
		"revc", "a", "-e", "fifo:/x", "--timeout=1min", "b"};
	struct arguments o;

	ck_assert_int_eq(parse(args, &o), 0);
	ck_assert_str_eq(o.uri, "fifo:/x");
	ck_assert_uint_eq(o.session.timeout_us, 60000000);
	ck_assert_str_eq(o.operands[0], "a");
	ck_assert_str_eq(o.operands[1], "b");
	arguments_finish(&o);
}
END_TEST

START_TEST(refuses)
{
	char said[512];
	struct arguments o;
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO), r;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(dup2(fileno(f), STDERR_FILENO), 0);
	r = parse(bad[_i].args, &o);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	arguments_finish(&o);
	rewind(f);
	ck_assert_ptr_nonnull(fgets(said, sizeof(said), f));
	said[strcspn(said, "\n")] = '\0';
	(void)fclose(f);
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_str_eq(said, bad[_i].sentence);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client/options");
	TCase *t = tcase_create("options");

	tcase_add_loop_test(t, understands, 0, (int)ARRAY_SIZE(good));
	tcase_add_test(t, keeps_values);
	tcase_add_loop_test(t, refuses, 0, (int)ARRAY_SIZE(bad));
	suite_add_tcase(s, t);
	return runner_run(s);
}
