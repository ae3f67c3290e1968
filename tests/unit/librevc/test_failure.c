/* errno into sentences: what is wrong, where, and what to do. */
#include <errno.h>
#include "librevc/failure.h"
#include "common/runner.h"

static const struct {
	const char *uri;
	enum failure_stage stage;
	int err, exit_code;
	const char *text;
} cases[] = {
	{"fifo:/run/revd/revd.fifo", FAILURE_CONNECT, ENXIO, 69,
		"fifo:/run/revd/revd.fifo: no server is reading it (is revd running?)"},
	{"uds:/x", FAILURE_CONNECT, ECONNREFUSED, 69, "uds:/x: nobody serves there"},
	{"uds:/x", FAILURE_CONNECT, ENOENT, 69, "uds:/x: nobody serves there"},
	{"uds:/x", FAILURE_CONNECT, EACCES, 77, "permission denied"},
	{"uds:/x", FAILURE_CONNECT, EAGAIN, 75, "too many clients wait"},
	{"uds:/x", FAILURE_RECEIVE, ECONNRESET, 75, "the daemon closed the connection"},
	{"uds:/x", FAILURE_SEND, EPIPE, 75, "the daemon closed the connection"},
	{"fifo:/x", FAILURE_SEND, EPIPE, 75, "the server has left"},
	{"fifo:/x", FAILURE_REPLY, ENOENT, 69, "the directory for replies"},
	{"mqueue:/x", FAILURE_CONNECT, ENOENT, 69, "mqueue:/x: there is no such queue"},
	{"mqueue:/x", FAILURE_REPLY, EMFILE, 75, "RLIMIT_MSGQUEUE"},
	{"mqueue:/x", FAILURE_REPLY, ENOSPC, 75, "queues_max"},
	{"mqueue:/x", FAILURE_CONNECT, EMFILE, 75, "no descriptor left"},
	{"mqueue:/x", FAILURE_RECEIVE, EPROTO, 69, "does not speak revd's protocol"},
	{"uds:/\033x", FAILURE_CONNECT, ENOENT, 69, "uds:/\\x1bx: nobody"},
	{"uds:/x", FAILURE_CONNECT, ELOOP, 69, "Too many levels of symbolic links"},
};

START_TEST(explains)
{
	struct uri u;
	struct revc_err err = {0};

	ck_assert_int_eq(uri_parse(cases[_i].uri, &u, &err), 0);
	ck_assert_int_eq(failure_explain(&err, &u, cases[_i].stage, cases[_i].err), -cases[_i].err);
	ck_assert_msg(strstr(err.text, cases[_i].text), "%s", err.text);
	ck_assert_int_eq(err.exit_code, cases[_i].exit_code);
	ck_assert_int_eq(err.err, cases[_i].err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("librevc/failure");
	TCase *t = tcase_create("failure");

	tcase_add_loop_test(t, explains, 0, (int)ARRAY_SIZE(cases));
	suite_add_tcase(s, t);
	return runner_run(s);
}
