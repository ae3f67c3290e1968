/* revd's command line and its configuration files, as an administrator meets them. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/client.h"
#include "common/exec.h"
#include "common/run.h"
#include "common/stage.h"
#include "util/fd.h"
#include "util/macro.h"

#define CONFIG "@DIR@/revd.conf"

static void expect_says(const char *text, const char *what)
{
	ck_assert_msg(text && strstr(text, what), "'%s' does not say '%s'", text, what);
}

START_TEST(version_and_help)
{
	static const char *const options[] = {"-c", "--check", "--dump-config", "--reload",
		"--demo", "--stdio", "--version", "--help"};
	struct rig rig;
	struct run r;

	rig_init(&rig);
	RUN(&r, &rig, "revd", "--version");
	ck_assert_int_eq(r.status, 0);
	expect_says(r.out, "revd ");
	run_free(&r);
	RUN(&r, &rig, "revd", "--help");
	ck_assert_int_eq(r.status, 0);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		expect_says(r.out, options[i]);
	}
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(usage_errors)
{
	static const char *const wrong[][3] = {{"--no-such"}, {"-c"}, {"argument"},
		{"--check", "--dump-config"}, {"--check", "more"}, {"--check=3"}, {"-x"}};
	struct rig rig;
	struct run r;

	rig_init(&rig);
	RUN(&r, &rig, "revd", wrong[_i][0], wrong[_i][1]);
	ck_assert_int_eq(r.status, 64);
	ck_assert_uint_gt(r.err_n, 0);
	ck_assert_uint_eq(r.out_n, 0);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(check_of_a_good_file)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	RUN(&r, &rig, "revd", "--check", "-c", CONFIG);
	ck_assert_msg(r.status == 0, "%s", r.err);
	ck_assert_uint_eq(r.err_n, 0);
	expect_says(r.out, "revd.conf: fine, 4 endpoints");
	ck_assert_msg(!rig_has(&rig, "stream.sock"), "--check serves");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Files, and what each of the lines about it must contain. */
static const struct {
	const char *config;
	const char *says[4];
} bad[] = {
	{"[revd]\nmax_reqest = 1M\n", {"revd.conf:2: ", "max_reqest", "max_request"}},
	{"[revd]\nworkers = 1\n[endpont.a]\n", {"revd.conf:3: ", "endpont", "endpoint"}},
	{"[endpoint.a]\ntransport = usd\n", {"revd.conf:2: ", "usd", "uds"}},
	{"[endpoint.a]\ntransport = fifo\npath = @DIR@/f\nqueue = /x\n",
		{"revd.conf:4: ", "queue"}},
	{"[revd]\nmax_request = 1\n", {"revd.conf:2: ", "max_request"}},
	{"[revd]\nmax_request = 1X\n", {"revd.conf:2: ", "1X"}},
	{"[revd]\nfragment_timeout = 10\n", {"revd.conf:2: ", "fragment_timeout"}},
	{"[revd]\nworkers = -1\n", {"revd.conf:2: ", "workers"}},
	{"[revd]\nworkers = 0\n", {"revd.conf:2: ", "workers"}},
	{"[revd]\nlog_level = loud\n", {"revd.conf:2: ", "loud"}},
	{"[revd]\n[revd]\n", {"revd.conf:2: ", "revd"}},
	{"[endpoint.a]\ntransport = uds\npath = relative\n", {"revd.conf:3: ", "relative"}},
	{"[endpoint.a]\ntransport = mqueue\nqueue = noslash\n", {"revd.conf:", "queue"}},
	{"[endpoint.a]\ntransport = mqueue\nqueue = /a/b\n", {"revd.conf:", "queue"}},
	{"[endpoint.a]\ntransport = uds\nmode = 0999\npath = /x\n", {"revd.conf:3: ", "0999"}},
	{"[endpoint.a]\ntransport = uds\npath = /x\nowner = no_such_user_here\n",
		{"revd.conf:4: ", "no_such_user_here"}},
	{"[endpoint.a]\ntransport = uds\npath = /x\n[endpoint.b]\ntransport = uds\npath = /x\n",
		{"revd.conf:", "/x"}},
	{"[endpoint.a]\ntransport = uds\npath = /x\nservice = revers\n",
		{"revd.conf:4: ", "revers", "reverse"}},
	{"[service.s]\ntype = reverse\nunit = graphem\n", {"revd.conf:3: ", "graphem", "grapheme"}},
	{"[service.s]\nunit = byte\n", {"revd.conf:"}},
	{"key = before any section\n", {"revd.conf:1: "}},
	{"[revd\n", {"revd.conf:1: "}},
	{"[revd]\nno equals sign\n", {"revd.conf:2: "}},
	{"[revd]\nworkers = 1\n  indented = 2\n", {"revd.conf:3: "}},
	{"[endpoint.a]\npath = /x\n", {"revd.conf:1: ", "transport"}},
	{"[revd]\nworkers = 1\nworkers = 2\n", {"revd.conf:3: ", "workers"}},
};

START_TEST(check_of_a_bad_file)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", bad[_i].config);
	RUN(&r, &rig, "revd", "--check", "-c", CONFIG);
	ck_assert_msg(r.status == 78, "exit code %d: %s%s", r.status, r.out, r.err);
	for (size_t i = 0; i < 4 && bad[_i].says[i]; i++) {
		expect_says(r.err, bad[_i].says[i]);
	}
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* The daemon itself refuses it, too. */
START_TEST(start_with_a_bad_file)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", bad[_i].config);
	RUN(&r, &rig, "revd", "-c", CONFIG);
	ck_assert_int_eq(r.status, 78);
	expect_says(r.err, bad[_i].says[0]);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(twenty_errors_at_once)
{
	char config[4096] = "[revd]\n";
	struct rig rig;
	struct run r;
	size_t lines = 0;

	for (int i = 0; i < 30; i++) {
		size_t n = strlen(config);

		snprintf(config + n, sizeof config - n, "wrong_%d = 1\n", i);
	}
	rig_init(&rig);
	rig_write(&rig, "revd.conf", config);
	RUN(&r, &rig, "revd", "--check", "-c", CONFIG);
	ck_assert_int_eq(r.status, 78);
	for (const char *p = r.err; (p = strstr(p, "revd.conf:")); p++) {
		lines++;
	}
	ck_assert_uint_eq(lines, 20);
	expect_says(r.err, "revd.conf:2: ");
	expect_says(r.err, "revd.conf:21: ");
	expect_says(r.err, "10 more");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(missing_file)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	RUN(&r, &rig, "revd", "--check", "-c", "@DIR@/none.conf");
	ck_assert_int_eq(r.status, 78);
	expect_says(r.err, "none.conf");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(drop_ins_in_name_order)
{
	char path[RIG_PATH];
	struct rig rig;
	struct run r;

	rig_init(&rig);
	ck_assert_int_eq(mkdir(rig_path(&rig, "revd.conf.d", path), 0755), 0);
	rig_write(&rig, "revd.conf", "[revd]\nmax_request = 1K\nlog_level = error\n");
	rig_write(&rig, "revd.conf.d/20-b.conf", "[endpoint.b]\ntransport = uds\npath = @DIR@/b\n");
	rig_write(&rig, "revd.conf.d/10-a.conf", "[endpoint.a]\ntransport = uds\npath = @DIR@/a\n");
	rig_write(&rig, "revd.conf.d/not-read.txt", "nonsense\n");
	RUN(&r, &rig, "revd", "--dump-config", "-c", CONFIG);
	ck_assert_msg(r.status == 0, "%s", r.err);
	expect_says(r.out, "[endpoint.a]");
	expect_says(r.out, "[endpoint.b]");
	expect_says(r.out, "10-a.conf:2");
	expect_says(r.out, "revd.conf:2");
	run_free(&r);
	rig_write(&rig, "revd.conf.d/30-c.conf", "[revd]\nwrong = 1\n");
	RUN(&r, &rig, "revd", "--check", "-c", CONFIG);
	ck_assert_int_eq(r.status, 78);
	expect_says(r.err, "30-c.conf:");
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* What it prints means the same when it is read again. */
START_TEST(dump_loads_again)
{
	CLEANUP_FREE char *first = NULL;
	struct rig rig;
	struct run r;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	RUN(&r, &rig, "revd", "--dump-config", "-c", CONFIG);
	ck_assert_msg(r.status == 0, "%s", r.err);
	expect_says(r.out, "max_request = 1M");
	expect_says(r.out, "default");
	first = strdup(r.out);
	rig_write(&rig, "dump.conf", r.out);
	run_free(&r);
	RUN(&r, &rig, "revd", "--dump-config", "-c", "@DIR@/dump.conf");
	ck_assert_msg(r.status == 0, "%s", r.err);
	for (char *p = first, *q = r.out; *p && *q; p++, q++) { /* all but the origins */
		ck_assert_msg(*p == *q, "the dump of the dump differs: %.80s", p);
		if (*p == '=') {
			size_t n = strcspn(p, ";#\n"), m = strcspn(q, ";#\n");

			ck_assert(strncmp(p, q, n < m ? n : m) == 0);
		}
		if (*p == ';' || *p == '#') {
			p += strcspn(p, "\n");
			q += strcspn(q, "\n");
		}
	}
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(files_that_others_may_write)
{
	char path[RIG_PATH], link[RIG_PATH];
	struct rig rig;
	struct run r;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", rig_all);
	ck_assert_int_eq(chmod(rig_path(&rig, "revd.conf", path), 0666), 0);
	RUN(&r, &rig, "revd", "-c", CONFIG);
	ck_assert_int_eq(r.status, 78);
	expect_says(r.err, "revd.conf");
	run_free(&r);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(symlink(path, rig_path(&rig, "link.conf", link)), 0);
	RUN(&r, &rig, "revd", "-c", "@DIR@/link.conf");
	ck_assert_int_eq(r.status, 78);
	expect_says(r.err, "link.conf");
	run_free(&r);
	ck_assert_int_eq(chown(path, RIG_UID, 0), 0);
	RUN(&r, &rig, "revd", "-c", CONFIG);
	ck_assert_int_eq(r.status, 78);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(stdio_is_a_filter)
{
	static const char in[] = "hola\nni\xc3\xb1o\r\n\n\xff\x01\x01\x00\x02\x00\x00\x00"
				 "\x07\x00\x00\x00\x00\x00\x00\x00okfin";
	static const char out[] = "aloh\no\xc3\xb1in\r\n\n\xff\x01\x00\x80\x02\x00\x00\x00"
				  "\x07\x00\x00\x00\x00\x00\x00\x00oknif";
	struct rig rig;
	struct run r;

	rig_init(&rig);
	RUN_INPUT(&r, &rig, in, sizeof in - 1, "revd", "--stdio");
	ck_assert_msg(r.status == 0, "exit code %d: %s", r.status, r.err);
	ck_assert_uint_eq(r.out_n, sizeof out - 1);
	ck_assert_mem_eq(r.out, out, sizeof out - 1);
	run_free(&r);
	RUN(&r, &rig, "revd", "--stdio");
	ck_assert_int_eq(r.status, 0);
	ck_assert_uint_eq(r.out_n, 0);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(stdio_with_much_input)
{
	enum { N = 100000 };
	CLEANUP_FREE char *in = malloc(N * 8 + 1), *out = malloc(N * 8 + 1);
	struct rig rig;
	struct run r;

	for (size_t i = 0; i < N; i++) {
		snprintf(in + i * 8, 9, "a%05zu-\n", i % 100000);
		for (size_t k = 0; k < 7; k++) {
			out[i * 8 + k] = in[i * 8 + 6 - k];
		}
		out[i * 8 + 7] = '\n';
	}
	rig_init(&rig);
	RUN_INPUT(&r, &rig, in, N * 8, "revd", "--stdio");
	ck_assert_int_eq(r.status, 0);
	ck_assert_uint_eq(r.out_n, N * 8);
	ck_assert_mem_eq(r.out, out, N * 8);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Its directory is private, and gone in the end. */
START_TEST(demo)
{
	char path[RIG_PATH];
	struct rig rig;

	rig_init(&rig);
	ck_assert_int_eq(mkdir(rig_path(&rig, "tmp", path), 0755), 0);
	rig_launch(&rig, &(struct launch){.args = (const char *const[]){"--demo", NULL},
				 .env = (const char *const[]){"TMPDIR=@DIR@/tmp", NULL}});
	ck_assert_msg(rmdir(path) < 0, "nothing was made in TMPDIR");
	rig_stop(&rig);
	ck_assert_msg(rmdir(path) == 0, "something is left in TMPDIR");
	rig_finish(&rig);
}
END_TEST

/* No file at all: the three transports below $RUNTIME_DIRECTORY. */
START_TEST(without_any_configuration)
{
	char path[RIG_PATH], queue[32];
	struct client c;
	struct rig rig;

	rig_init(&rig);
	ck_assert_int_eq(mkdir(rig_path(&rig, "run", path), 0755), 0);
	rig_launch(
		&rig, &(struct launch){.args = (const char *const[]){NULL},
			      .env = (const char *const[]){"RUNTIME_DIRECTORY=@DIR@/run", NULL}});
	client_open_at(&c, STREAM, rig_path(&rig, "run/revd.sock", path));
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	client_open_at(&c, FIFO, rig_path(&rig, "run/revd.fifo", path));
	client_expect_call(&c, 1, "dos", "sod");
	client_close(&c);
	snprintf(queue, sizeof queue, geteuid() ? "/revd-%u" : "/revd", (unsigned)geteuid());
	client_open_at(&c, MQUEUE, queue);
	client_expect_call(&c, 1, "tres", "sert");
	client_close(&c);
	rig_stop(&rig);
	ck_assert(!rig_has(&rig, "run/revd.sock"));
	rig_finish(&rig);
}
END_TEST

/* A private view of the directory of the default configuration, empty. */
static void hide_default_directory(char *dir, size_t size)
{
	snprintf(dir, size, "%s", REVD_CONFIG_FILE);
	*strrchr(dir, '/') = '\0'; /* .../etc/revd */
	*strrchr(dir, '/') = '\0'; /* .../etc */
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", dir, "tmpfs", 0, NULL), 0);
	strcat(dir, "/revd"); /* what was cut off above */
	ck_assert_int_eq(mkdir(dir, 0755), 0);
}

static void write_default(const struct rig *rig, const char *name, const char *text)
{
	CLEANUP_FREE char *full = exec_expand(rig, text);
	CLEANUP_FD int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, full, strlen(full)), 0);
}

/* A file and drop-ins that come after the start count from the next reload on. */
START_TEST(a_default_file_that_comes_later)
{
	static const char *const env[] = {"RUNTIME_DIRECTORY=@DIR@/run", NULL};
	char dir[RIG_PATH], path[RIG_PATH];
	struct client c;
	struct rig rig;
	struct run r;

	rig_init(&rig);
	hide_default_directory(dir, sizeof dir);
	ck_assert_int_eq(mkdir(rig_path(&rig, "run", path), 0755), 0);
	rig_launch(&rig, &(struct launch){.args = (const char *const[]){NULL}, .env = env});
	ck_assert(rig_log_has(&rig, "the built-in default (there is no " REVD_CONFIG_FILE ")"));
	ck_assert_int_eq(mkdir(REVD_CONFIG_FILE ".d", 0755), 0);
	write_default(&rig, REVD_CONFIG_FILE ".d/10.conf",
		"[endpoint.more]\ntransport = uds\npath = @DIR@/more.sock\n");
	RUN(&r, &rig, "revd", "--check");
	ck_assert_int_eq(r.status, 0);
	expect_says(r.out, REVD_CONFIG_FILE "), " REVD_CONFIG_FILE ".d/10.conf: fine, 4 endpoints");
	run_free(&r);
	rig_reload(&rig);
	client_open_at(&c, STREAM, rig_path(&rig, "more.sock", path));
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	write_default(
		&rig, REVD_CONFIG_FILE, "[endpoint.own]\ntransport = uds\npath = @DIR@/own.sock\n");
	rig_reload(&rig);
	client_open_at(&c, STREAM, rig_path(&rig, "own.sock", path));
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	rig_wait_gone(&rig, "run/revd.sock");
	rig_finish(&rig);
}
END_TEST

/* An ordinary user's, beside the one of root: nothing of it is in the way. */
START_TEST(without_any_configuration_twice)
{
	char path[RIG_PATH], queue[32];
	struct client c;
	struct rig root, user;

	rig_init(&root);
	rig_launch(
		&root, &(struct launch){.args = (const char *const[]){NULL},
			       .env = (const char *const[]){"RUNTIME_DIRECTORY=@DIR@/run", NULL}});
	rig_init(&user);
	ck_assert_int_eq(mkdir(rig_path(&user, "run", path), 0755), 0);
	ck_assert_int_eq(chown(path, RIG_UID, RIG_UID), 0);
	rig_launch(&user, &(struct launch){.args = (const char *const[]){NULL},
				  .env = (const char *const[]){"RUNTIME_DIRECTORY",
					  "XDG_RUNTIME_DIR=@DIR@/run", NULL},
				  .as_other = true});
	snprintf(queue, sizeof queue, "/revd-%u", RIG_UID);
	client_open_at(&c, MQUEUE, queue);
	client_expect_call(&c, 1, "tres", "sert");
	client_close(&c);
	client_open_at(&c, STREAM, rig_path(&user, "run/revd/revd.sock", path));
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	rig_finish(&user);
	client_open_at(&c, MQUEUE, "/revd");
	client_expect_call(&c, 1, "tres", "sert");
	client_close(&c);
	rig_finish(&root);
}
END_TEST

static TCase *files(void)
{
	TCase *t = stage_tcase("files");

	tcase_add_test(t, check_of_a_good_file);
	tcase_add_loop_test(t, check_of_a_bad_file, 0, ARRAY_SIZE(bad));
	tcase_add_loop_test(t, start_with_a_bad_file, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, twenty_errors_at_once);
	tcase_add_test(t, missing_file);
	tcase_add_test(t, drop_ins_in_name_order);
	tcase_add_test(t, dump_loads_again);
	if (geteuid() == 0) { /* where it matters who else may write */
		tcase_add_test(t, files_that_others_may_write);
		tcase_add_test(t, a_default_file_that_comes_later); /* mounts */
	}
	return t;
}

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = stage_tcase("command line");

	tcase_add_test(t, version_and_help);
	tcase_add_loop_test(t, usage_errors, 0, 7);
	tcase_add_test(t, stdio_is_a_filter);
	tcase_add_test(t, stdio_with_much_input);
	suite_add_tcase(s, t);
	suite_add_tcase(s, files());
	t = stage_tcase("defaults");
	tcase_add_test(t, without_any_configuration);
	if (geteuid() == 0) { /* for two users */
		tcase_add_test(t, without_any_configuration_twice);
	}
	tcase_add_test(t, demo);
	suite_add_tcase(s, t);
	return stage_run(s);
}
