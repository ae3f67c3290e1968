/* What --check says of a program, with the key to blame. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "common/runner.h"
#include "exec/program.h"

static const struct exec_settings usual = {.command = "/bin/cat",
	.user = (uid_t)-1,
	.group = (gid_t)-1,
	.directory = "",
	.environment = ""};

static void expect(const struct exec_settings *s, const char *key, const char *msg)
{
	struct rv_err err = {""};

	ck_assert_int_lt(program_check(s, &err), 0);
	ck_assert_str_eq(err.key, key);
	ck_assert_str_eq(err.msg, msg);
}

START_TEST(mistakes)
{
	struct exec_settings s = usual;

	s.command = "";
	expect(&s, "command", "it has no command to run");
	s.command = " ";
	expect(&s, "command", "it has no command to run");
	s.command = "/nowhere/cat -n";
	expect(&s, "command", "/nowhere/cat: No such file or directory");
	s.command = "no-such-program";
	expect(&s, "command", "there is no program no-such-program in /usr/bin and the like");
	s.command = "./cat";
	expect(&s, "command", "./cat is neither a name nor an absolute path");
	s.command = "/etc/passwd";
	expect(&s, "command", "/etc/passwd: it is not executable");
	s.command = "/etc";
	expect(&s, "command", "/etc: Is a directory");
	s = usual;
	s.environment = "A=1 B";
	expect(&s, "environment", "'B' is not NAME=value");
	s.environment = "REVD_UID=0";
	expect(&s, "environment", "names with REVD_ are the daemon's");
	s = usual;
	s.directory = "/nowhere";
	expect(&s, "directory", "/nowhere: No such file or directory");
	s.directory = "/etc/passwd";
	expect(&s, "directory", "/etc/passwd: Not a directory");
	s = usual;
	s.mode = EXEC_REQUEST;
	s.buffering = EXEC_PTY;
	expect(&s, "buffering",
		"pty is for co-processes: on a terminal the input of a request has no end");
}
END_TEST

static const char *variable(const struct program *p, const char *name)
{
	size_t n = strlen(name);

	for (char **v = p->env; *v; v++) {
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=') {
			return *v + n + 1;
		}
	}
	return NULL;
}

START_TEST(a_program)
{
	struct exec_settings s = usual;
	struct program p = {0};
	struct rv_err err = {""};

	s.command = "cat -n 'a b'";
	s.environment = "A='1 2' PATH=/x";
	ck_assert_int_eq(setenv("LC_TEST", "y", 1), 0);
	ck_assert_int_eq(setenv("SECRET", "y", 1), 0);
	ck_assert_int_eq(program_init(&p, &s, &err), 0);
	ck_assert_int_eq(access(p.path, X_OK), 0);
	ck_assert_str_eq(p.argv[0], "cat");
	ck_assert_str_eq(p.argv[2], "a b");
	ck_assert_ptr_null(p.argv[3]);
	ck_assert_str_eq(variable(&p, "A"), "1 2");
	ck_assert_str_eq(variable(&p, "PATH"), "/x");
	ck_assert_str_eq(variable(&p, "LC_TEST"), "y");
	ck_assert_ptr_null(variable(&p, "SECRET"));
	ck_assert_str_eq(p.directory, "/");
	ck_assert(!p.change_ids);
	program_finish(&p);
}
END_TEST

START_TEST(by_stdbuf)
{
	struct exec_settings s = usual;
	struct program p = {0};
	struct rv_err err = {""};

	s.command = "tr a b";
	s.buffering = EXEC_STDBUF;
	ck_assert_int_eq(program_init(&p, &s, &err), 0);
	ck_assert_str_eq(p.path + strlen(p.path) - 7, "/stdbuf");
	ck_assert_str_eq(p.argv[1], "-oL");
	ck_assert_str_eq(p.argv[3] + strlen(p.argv[3]) - 3, "/tr");
	ck_assert_str_eq(p.argv[5], "b");
	program_finish(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("program");
	TCase *tc = tcase_create("program");

	tcase_add_test(tc, mistakes);
	tcase_add_test(tc, a_program);
	tcase_add_test(tc, by_stdbuf);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
