/* Any program as a service: what it is asked, what it answers, who asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/run.h"
#include "common/stage.h"
#include "exec_rig.h"

/* Programs as they are, none of which is told not to hold back what it prints. */
static const struct {
	const char *command, *request, *reply;
} programs[] = {
	{"tr a-z A-Z", "hola", "HOLA"},
	{"sed s/a/b/", "hola", "holb"},
	{"awk '{ print $2, $1 }'", "uno dos", "dos uno"},
	{"grep --color=never .", "hola", "hola"},
	{"cut -c 2-3", "hola", "ol"},
	{"rev", "hola", "aloh"},
	{"perl -ne 'print uc'", "hola", "HOLA"},
	{"python3 @DIR@/upper.py", "hola", "HOLA"},
	{"jq -cM '.[1]'", "[1, {\"a\": 2}]", "{\"a\":2}"},
	{"cat", "", ""},
};

static const char upper[] = "import sys\nfor line in sys.stdin:\n    print(line.strip().upper())\n";

START_TEST(answers_at_once)
{
	char keys[256];
	struct scene s;

	snprintf(keys, sizeof(keys), "command = %s", programs[_i].command);
	exec_start(&s, keys);
	rig_write(&s.rig, "upper.py", upper); /* it is started at the first request */
	for (uint64_t i = 1; i <= 3; i++) {
		exec_expect(&s, i, programs[_i].request, RV_STATUS_OK, programs[_i].reply);
		client_expect_text(&s.client, programs[_i].request, programs[_i].reply);
	}
	scene_close(&s);
}
END_TEST

#define MANY 6000u

static size_t put_lines(char *to, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; i < MANY; i++) {
		n += (size_t)snprintf(to + n, size - n, i % 7 == 0 ? "linea %u\r\n" : "linea %u\n", i);
	}
	return n;
}

static const char *const bufferings[] = {"pty", "stdbuf", "pipe"};
static const char *const line_commands[] = {"tr a-z A-Z", "tr a-z A-Z", "sed -u 's/.*/\\U&/'"};

/* Runs of lines, with lines that go alone between them: each reply in its place and with
 * the end that the line had. */
START_TEST(many_lines)
{
	static char text[MANY * 16];
	size_t n = put_lines(text, sizeof(text));
	char keys[128], want[32];
	struct scene s;
	struct reply r;

	snprintf(keys, sizeof(keys), "command = %s\nbuffering = %s\nprocesses = 2",
		line_commands[_i], bufferings[_i]);
	exec_start_with(&s, "", "max_inflight = 1M", keys);
	client_send(&s.client, text, n);
	for (unsigned i = 0; i < MANY; i++) {
		int k = snprintf(want, sizeof(want), i % 7 == 0 ? "LINEA %u\r\n" : "LINEA %u\n", i);

		client_recv_line(&s.client, &r);
		ck_assert_msg(r.n == (size_t)k && memcmp(r.data, want, r.n) == 0,
			"'%.*s' instead of '%s'", (int)r.n, (const char *)r.data, want);
	}
	ck_assert_int_eq(client_stat(&s.rig, "endpoints.stream.operations.call"), MANY);
	scene_close(&s);
}
END_TEST

START_TEST(many_lines_of_two_clients)
{
	static char text[MANY * 16];
	size_t n = put_lines(text, sizeof(text));
	struct client other;
	struct scene s;
	struct reply r;

	exec_start(&s, "command = tr a-z A-Z");
	client_open(&other, &s.rig, STREAM);
	client_send(&s.client, text, n / 2);
	client_close(&other); /* and one that leaves in the middle */
	client_open(&other, &s.rig, STREAM);
	client_send(&other, text, n / 4);
	client_close(&other);
	client_open(&other, &s.rig, STREAM);
	client_send(&other, "hola\nadios\n", 11);
	client_recv_line(&other, &r);
	ck_assert_mem_eq(r.data, "HOLA\n", 5);
	client_recv_line(&s.client, &r);
	ck_assert_mem_eq(r.data, "LINEA 0\r\n", 9);
	client_recv_line(&other, &r);
	ck_assert_mem_eq(r.data, "ADIOS\n", 6);
	client_close(&other);
	scene_close(&s);
}
END_TEST

START_TEST(a_text_of_two_lines)
{
	struct scene s;

	exec_start(&s, "command = cat");
	exec_expect(&s, 1, "uno\ndos", RV_STATUS_INVALID_TEXT, NULL);
	exec_expect(&s, 2, "uno", RV_STATUS_OK, "uno");
	scene_close(&s);
}
END_TEST

/* The example, with many requests at once and texts that are no lines. */
START_TEST(frames)
{
	static const char *const texts[] = {"a long text", "two\nlines", "", "\x01\xff", "b"};
	static const char *const wants[] = {"A LONG TEXT", "TWO\nLINES", "", "\x01\xff", "B"};
	char keys[256];
	struct scene s;
	struct reply r;
	unsigned seen = 0;

	snprintf(keys, sizeof(keys), "mode = frames\ncommand = %s", getenv("REVD_TEST_COPROCESS"));
	exec_start_with(&s, "max_request = 256K", "", keys);
	for (uint64_t i = 0; i < 5; i++) {
		client_send_frame(&s.client, RV_OP_CALL, 0, i, texts[i], strlen(texts[i]));
	}
	for (unsigned i = 0; i < 5; i++) {
		client_recv(&s.client, &r);
		ck_assert(r.frame && r.head.code == RV_STATUS_OK && r.head.id < 5);
		ck_assert_uint_eq(r.n, strlen(wants[r.head.id]));
		ck_assert_mem_eq(r.data, wants[r.head.id], r.n);
		seen |= 1u << r.head.id;
	}
	ck_assert_uint_eq(seen, 31);
	client_expect_text(&s.client, "hola", "HOLA");
	scene_close(&s);
}
END_TEST

START_TEST(a_large_frame)
{
	CLEANUP_FREE char *text = malloc(200000);
	CLEANUP_FREE uint8_t *reply = NULL;
	char keys[256];
	struct scene s;
	size_t n;

	memset(text, 'x', 200000);
	snprintf(keys, sizeof(keys), "mode = frames\ncommand = %s", getenv("REVD_TEST_COPROCESS"));
	exec_start_with(&s, "max_request = 256K", "", keys);
	client_send_large(&s.client, RV_OP_CALL, 7, text, 200000);
	reply = client_recv_joined(&s.client, 7, RV_STATUS_OK, &n);
	ck_assert_uint_eq(n, 200000);
	ck_assert(reply[0] == 'X' && reply[199999] == 'X');
	scene_close(&s);
}
END_TEST

START_TEST(a_process_for_each_request)
{
	struct scene s;

	exec_start(&s, "mode = request\nprocesses = 2\ncommand = sort -n");
	exec_expect(&s, 1, "10\n9\n8", RV_STATUS_OK, "8\n9\n10");
	exec_expect(&s, 2, "", RV_STATUS_OK, "");
	client_expect_text(&s.client, "hola", "hola");
	for (uint64_t i = 3; i < 20; i++) {
		client_send_frame(&s.client, RV_OP_CALL, 0, i, "2\n1", 3);
	}
	for (uint64_t i = 3; i < 20; i++) {
		struct reply r;

		client_recv(&s.client, &r);
		ck_assert(r.head.code == RV_STATUS_OK && r.n == 3);
		ck_assert_mem_eq(r.data, "1\n2", 3);
	}
	scene_close(&s);
}
END_TEST

/* What can't be one line is no reply to one. */
START_TEST(a_reply_of_two_lines)
{
	struct scene s;

	exec_start(&s, "mode = request\ncommand = printf 'uno\\ndos\\n'");
	client_send_text(&s.client, "hola");
	client_expect_nak(
		&s.client, "invalid-text", "the reply has more than one line: ask with a frame");
	exec_expect(&s, 1, "hola", RV_STATUS_OK, "uno\ndos");
	scene_close(&s);
}
END_TEST

START_TEST(exit_status)
{
	struct scene s;

	exec_start(&s, "mode = request\ncommand = sh -c 'read -r x; eval \"$x\"'");
	exec_expect(&s, 1, "echo fine; exit 0\n", RV_STATUS_OK, "fine");
	exec_expect(&s, 2, "echo one >&2; echo no\\ \\\"such >&2; exit 3\n", RV_STATUS_INTERNAL,
		"no \"such");
	exec_expect(&s, 3, "echo lost; exit 4\n", RV_STATUS_INTERNAL,
		"the program ended with exit status 4");
	exec_expect(&s, 4, "kill -9 $$\n", RV_STATUS_INTERNAL,
		"the program was ended by signal 9 (Killed)");
	exec_expect(&s, 5, "echo fine\n", RV_STATUS_OK, "fine");
	rig_wait_log(&s.rig, 0, "x: process");
	ck_assert(rig_log_has(&s.rig, "'one'"));
	scene_close(&s);
}
END_TEST

START_TEST(who_asks)
{
	char want[128];
	struct scene s;

	exec_start(&s, "mode = request\n"
		       "command = sh -c 'echo $REVD_UID $REVD_GID $REVD_ENDPOINT $REVD_TRANSPORT'");
	snprintf(want, sizeof(want), "%u %u stream uds", geteuid(), getegid());
	exec_expect(&s, 1, "", RV_STATUS_OK, want);
	scene_close(&s);
}
END_TEST

/* In front of the text, in the order that was asked for; and where nobody vouches for it. */
START_TEST(who_asks_a_coprocess)
{
	char want[4][128];
	struct client c;
	struct rig rig;

	rig_start(&rig, "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\nservice = x\n"
			"[endpoint.seqpacket]\ntransport = uds\ntype = seqpacket\n"
			"path = @DIR@/seqpacket.sock\nservice = x\n"
			"[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\nservice = x\n"
			"[endpoint.mqueue]\ntransport = mqueue\nqueue = @QUEUE@\nservice = x\n"
			"[service.x]\ntype = exec\ncommand = cat\n"
			"prefix = endpoint, uid transport gid\n");
	snprintf(want[0], sizeof(want[0]), "stream %u uds %u hola", geteuid(), getegid());
	snprintf(want[1], sizeof(want[1]), "seqpacket %u uds %u hola", geteuid(), getegid());
	snprintf(want[2], sizeof(want[2]), "fifo - fifo - hola");
	snprintf(want[3], sizeof(want[3]), "mqueue - mqueue - hola");
	client_open(&c, &rig, (enum transport)_i);
	client_expect_call(&c, 1, "hola", want[_i]);
	client_expect_text(&c, "hola", want[_i]);
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

static const char *const statuses[] = {"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000",
	"CapInh:\t0000000000000000", "CapAmb:\t0000000000000000"};

/* It gets nothing of the daemon's. */
START_TEST(what_is_inherited)
{
	struct scene s;
	struct reply r;
	CLEANUP_FREE char *text = NULL;

	exec_start(&s, "mode = request\nenvironment = A='uno dos'\n"
		       "command = sh -c 'cat /proc/self/status; ls /proc/self/fd; env; ulimit -n'");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, "", 0);
	client_recv_frame(&s.client, &r, 1, RV_STATUS_OK);
	text = strndup((const char *)r.data, r.n);
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		ck_assert_msg(strstr(text, statuses[i]), "no '%s' in %s", statuses[i], text);
	}
	ck_assert_msg(strstr(text, "\n0\n1\n2\n3\n") && !strstr(text, "\n4\n"), "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "\nA=uno dos\n"));
	ck_assert_ptr_null(strstr(text, "NOTIFY_SOCKET"));
	ck_assert_ptr_null(strstr(text, "REVD_TEST"));
	ck_assert_ptr_nonnull(strstr(text, "\n1024"));
	scene_close(&s);
}
END_TEST

START_TEST(another_user)
{
	struct scene s;

	if (geteuid() == 0) {
		exec_start(&s, "mode = request\nuser = 65534\ngroup = 65534\ndirectory = /usr\n"
			       "command = sh -c 'id -u; id -g; pwd'");
		exec_expect(&s, 1, "", RV_STATUS_OK, "65534\n65534\n/usr");
	} else {
		exec_start(&s, "mode = request\ndirectory = /usr\ncommand = pwd");
		exec_expect(&s, 1, "", RV_STATUS_OK, "/usr");
	}
	scene_close(&s);
}
END_TEST

START_TEST(a_filter)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	rig_write(&rig, "filter.conf",
		"[endpoint.io]\ntransport = stdio\nservice = x\n"
		"[service.x]\ntype = exec\ncommand = tr a-z A-Z\n");
	RUN_INPUT(&r, &rig, "uno\ndos\ntres", 12, "revd", "-c", "@DIR@/filter.conf");
	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(r.out, "UNO\nDOS\nTRES");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* The text of a file; the caller frees it. */
static char *read_file(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	ck_assert(text && f);
	ck_assert_uint_gt(fread(text, 1, (1 << 20) - 1, f), 0);
	fclose(f);
	return text;
}

/* Those of revd.conf(5), as they stand there. */
START_TEST(the_examples)
{
	static const char *const names[] = {"upper", "greet", "sort"};
	CLEANUP_FREE char *page = read_file(getenv("REVD_TEST_CONF_PAGE"));
	CLEANUP_FREE char *config = calloc(1, 1 << 16);
	char *from = strstr(page, "[service.upper]\n"), *to = from ? strstr(from, "\n```") : NULL;
	char wants[3][64] = {"HOLA", "", "hola"}, path[RIG_PATH];
	struct rig rig;

	ck_assert(from && to);
	snprintf(wants[1], sizeof(wants[1]), "user %u says hola", geteuid());
	for (size_t i = 0; i < 3; i++) {
		snprintf(config + strlen(config), (1 << 16) - strlen(config),
			"[endpoint.%s]\ntransport = uds\npath = @DIR@/%s\nservice = %s\n", names[i],
			names[i], names[i]);
	}
	strncat(config, from, (size_t)(to + 1 - from));
	rig_start(&rig, config);
	for (size_t i = 0; i < 3; i++) {
		struct client c;

		client_open_at(&c, STREAM, rig_path(&rig, names[i], path));
		client_expect_text(&c, "hola", wants[i]);
		client_close(&c);
	}
	rig_finish(&rig);
}
END_TEST

/* Workers share the processes. */
START_TEST(two_workers)
{
	struct client others[6];
	struct scene s;

	exec_start_with(&s, "workers = 2", "", "command = tr a-z A-Z\nprocesses = 4\nstart = at-once");
	(void)exec_wait_children(s.rig.pid, 4);
	for (int i = 0; i < 6; i++) {
		client_open(&others[i], &s.rig, STREAM);
		client_expect_text(&others[i], "hola", "HOLA");
	}
	for (int i = 0; i < 6; i++) {
		client_close(&others[i]);
	}
	(void)exec_wait_children(s.rig.pid, 4);
	scene_close(&s);
}
END_TEST

START_TEST(a_reload_changes_the_program)
{
	struct scene s;
	pid_t before;

	exec_start(&s, "command = tr a-z A-Z");
	client_expect_text(&s.client, "hola", "HOLA");
	before = exec_wait_children(s.rig.pid, 1);
	rig_write(&s.rig, "revd.conf",
		"[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\nservice = x\n"
		"[endpoint.other]\ntransport = uds\npath = @DIR@/other.sock\n"
		"[service.x]\ntype = exec\ncommand = rev\n");
	rig_reload(&s.rig);
	client_expect_text(&s.client, "hola", "aloh");
	exec_wait_end(before);
	(void)exec_wait_children(s.rig.pid, 1);
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec");
	TCase *tc = stage_tcase("exec");

	tcase_add_loop_test(tc, answers_at_once, 0, (int)ARRAY_SIZE(programs));
	tcase_add_loop_test(tc, many_lines, 0, (int)ARRAY_SIZE(bufferings));
	tcase_add_test(tc, many_lines_of_two_clients);
	tcase_add_test(tc, a_text_of_two_lines);
	tcase_add_test(tc, frames);
	tcase_add_test(tc, a_large_frame);
	tcase_add_test(tc, a_process_for_each_request);
	tcase_add_test(tc, a_reply_of_two_lines);
	tcase_add_test(tc, exit_status);
	tcase_add_test(tc, who_asks);
	tcase_add_loop_test(tc, who_asks_a_coprocess, 0, TRANSPORTS);
	tcase_add_test(tc, what_is_inherited);
	tcase_add_test(tc, another_user);
	tcase_add_test(tc, a_filter);
	tcase_add_test(tc, the_examples);
	tcase_add_test(tc, two_workers);
	tcase_add_test(tc, a_reload_changes_the_program);
	suite_add_tcase(s, tc);
	return stage_run(s);
}
