/* The real daemon under every load, and what happens when it refuses or dies. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/generator.h"
#include "bench/nats_floor.h"
#include "bench/rounds.h"
#include "common/runner.h"
#include "util/fd.h"

#define SLICE_NS 30000000u

static char dir[] = "/tmp/revbench-test-XXXXXX";
static volatile sig_atomic_t stop;
static struct testbed bed;
static struct rv_err err;
static char plugins[64]; /* in a directory that nobody else can write to */

static struct daemon_options options(const char *name)
{
	struct daemon_options o = {.program = getenv("REVD"),
		.parent = dir,
		.name = name,
		.broker = bed.broker.url[0] ? bed.broker.url : NULL,
		.plugins = plugins};

	ck_assert_ptr_nonnull(o.program);
	return o;
}

/* Where this tree was built with NATS. */
static void start_broker(void)
{
	const char *plugin = getenv("REVD_TEST_NATS");
	char command[400];

	snprintf(plugins, sizeof(plugins), "%s/plugins", dir);
	ck_assert_int_eq(mkdir(plugins, 0755), 0);
	if (plugin) {
		snprintf(command, sizeof(command), "cp '%s' %s", plugin, plugins);
		ck_assert_int_eq(system(command), 0);
		ck_assert_msg(nats_server_start(&bed.broker, dir, &err) == 0, "%s", err.msg);
	}
}

static void set_up(void)
{
	struct daemon_options o;

	signal(SIGPIPE, SIG_IGN);
	stop = 0;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(bed.dir, sizeof(bed.dir), "%s", dir);
	ck_assert_int_eq(generator_init(), 0);
	start_broker();
	o = options("revd");
	ck_assert_msg(daemon_start(&bed.daemon, &o, &err) == 0, "%s", err.msg);
	ck_assert_msg(bed.daemon.serves[BENCH_NATS] == !!bed.broker.url[0], "%s", bed.daemon.note);
}

static void tear_down(void)
{
	char file[96];

	daemon_stop(&bed.daemon);
	nats_server_stop(&bed.broker);
	snprintf(file, sizeof(file), "%s/nats.so", plugins);
	unlink(file);
	ck_assert_int_eq(rmdir(plugins), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* Runs a group as a plan of its own. */
static int run(struct bench_group *g, unsigned n)
{
	struct plan plan = {.groups = {g}, .n = 1};
	struct rounds rounds = {
		.rounds = n, .slice_ns = SLICE_NS, .bed = &bed, .quiet = true, .stop = &stop};

	return rounds_run(&rounds, &plan, &err);
}

static void add_all(struct bench_group *g, bool frames)
{
	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		enum bench_transport t = (enum bench_transport)i;

		if (bed.daemon.serves[i]) {
			plan_contender(g, BENCH_REVD, t, BENCH_BLOCK)->frames = frames;
		}
	}
}

static void check_all(const struct bench_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct bench_contender *c = &g->contenders[i];

		if (c->transport == BENCH_MQUEUE && c->note[0]) {
			continue; /* no budget for so many queues on this machine */
		}
		ck_assert_msg(c->n == 2, "%s: %s", c->name, c->note);
		ck_assert_uint_gt(c->samples[0].answered, 0);
	}
}

static const struct bench_load loads[] = {
	{.size = 64, .clients = 1, .window = 1},
	{.size = 64, .clients = 1, .window = 64},
	{.size = 64, .clients = 1, .window = 4096},
	{.size = 64, .clients = 20, .window = 1},
	{.size = 64, .clients = 5, .window = 16},
	{.size = 1024, .clients = 1, .window = 64},
	{.size = 16384, .clients = 1, .window = 1},
	{.size = 16384, .clients = 1, .window = 64},
	{.size = 16384, .clients = 20, .window = 1},
	{.size = 64, .clients = 1, .window = 1, .rate = 2000},
	{.size = 1024 * 1024, .clients = 1, .window = 1},
	{.size = 100000, .clients = 2, .window = 2},
};

START_TEST(every_load_is_answered_rightly)
{
	struct bench_group g = {.purpose = "test", .load = loads[_i], .regime = BENCH_FREE};

	add_all(&g, false);
	ck_assert_msg(run(&g, 2) == 0, "%s", err.msg);
	check_all(&g);
}
END_TEST

START_TEST(and_as_frames)
{
	struct bench_group g = {.purpose = "test", .load = loads[_i], .regime = BENCH_FREE};

	add_all(&g, true);
	ck_assert_msg(run(&g, 2) == 0, "%s", err.msg);
	check_all(&g);
}
END_TEST

START_TEST(nats_has_its_floor)
{
	struct bench_group g = {.purpose = "test", .load = loads[_i], .regime = BENCH_FREE};

	if (!bed.broker.url[0]) {
		return;
	}
	plan_contender(&g, BENCH_FLOOR, BENCH_NATS, BENCH_BLOCK);
	plan_contender(&g, BENCH_REVD, BENCH_NATS, BENCH_BLOCK);
	ck_assert_msg(run(&g, 2) == 0, "%s", err.msg);
	check_all(&g);
}
END_TEST

START_TEST(through_the_library)
{
	struct bench_group g = {.purpose = "test", .load = loads[0], .regime = BENCH_FREE};

	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		if (bed.daemon.serves[i]) {
			plan_contender(&g, BENCH_REVD, (enum bench_transport)i, BENCH_LIBRARY);
		}
	}
	ck_assert_msg(run(&g, 2) == 0, "%s", err.msg);
	check_all(&g);
}
END_TEST

START_TEST(a_connection_per_request)
{
	struct bench_group g = {.purpose = "test",
		.regime = BENCH_FREE,
		.load = {.size = 64, .clients = 1, .window = 1, .connect = true}};

	plan_contender(&g, BENCH_REVD, BENCH_STREAM, BENCH_BLOCK);
	plan_contender(&g, BENCH_REVD, BENCH_SEQPACKET, BENCH_BLOCK);
	ck_assert_msg(run(&g, 2) == 0, "%s", err.msg);
	check_all(&g);
}
END_TEST

START_TEST(beside_a_neighbour)
{
	struct bench_group g = {.purpose = "test", .load = loads[0], .regime = BENCH_FREE};

	add_all(&g, true);
	for (size_t i = 0; i < g.n; i++) {
		g.contenders[i].neighbour = true;
	}
	ck_assert_msg(run(&g, 2) == 0, "%s", err.msg);
	check_all(&g);
}
END_TEST

/* Ends the daemon while its replies are waited for. */
static void kill_daemon(void *arg)
{
	(void)arg;
	kill(bed.daemon.proc.pid, SIGKILL);
}

/* What has no end of stream is noticed by the silence, which takes a while. */
static const struct {
	enum bench_transport transport;
	size_t load;
} deaths[] = {{BENCH_STREAM, 0}, {BENCH_STREAM, 1}, {BENCH_STREAM, 3}, {BENCH_SEQPACKET, 0},
	{BENCH_SEQPACKET, 1}, {BENCH_SEQPACKET, 3}, {BENCH_FIFO, 0}, {BENCH_MQUEUE, 1}};

START_TEST(its_death_ends_the_run_and_is_named)
{
	struct bench_group g = {
		.purpose = "test", .load = loads[deaths[_i].load], .regime = BENCH_FREE};
	enum bench_transport t = deaths[_i].transport;
	struct proc killer = {0};
	char expected[64];

	if (!bed.daemon.serves[t]) {
		return;
	}
	snprintf(expected, sizeof(expected), "(process %d) was ended by signal 9",
		(int)bed.daemon.proc.pid);
	plan_contender(&g, BENCH_REVD, t, BENCH_BLOCK);
	ck_assert_int_eq(run(&g, 1), 0);
	ck_assert_uint_eq(g.contenders[0].n, 1);
	ck_assert_int_eq(proc_fork(&killer, kill_daemon, NULL), 0);
	ck_assert_int_lt(run(&g, BENCH_ROUNDS_MAX - 1), 0);
	ck_assert_msg(
		strstr(err.msg, expected) || strstr(err.msg, bed.daemon.uri[t]), "%s", err.msg);
	ck_assert_uint_ge(g.contenders[0].n, 1);
	ck_assert_uint_lt(g.contenders[0].n, BENCH_ROUNDS_MAX);
	proc_stop(&killer);
}
END_TEST

START_TEST(one_that_runs_can_be_attached_to)
{
	struct daemon other;

	for (int i = 0; i < BENCH_TRANSPORTS; i++) {
		if (!bed.daemon.serves[i]) {
			continue;
		}
		ck_assert_msg(daemon_attach(&other, bed.daemon.uri[i], &err) == 0, "%s", err.msg);
		ck_assert(other.attached && other.reverse && other.serves[i]);
		ck_assert_int_eq(other.proc.pid, bed.daemon.proc.pid);
		ck_assert(!other.proc.ours);
		daemon_stop(&other);
		ck_assert(proc_alive(&bed.daemon.proc));
	}
}
END_TEST

START_TEST(nobody_there_is_said)
{
	struct daemon other;

	ck_assert_int_lt(daemon_attach(&other, "uds:/nonexistent/socket", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent/socket"));
	ck_assert_int_lt(daemon_attach(&other, "nonsense", &err), 0);
}
END_TEST

START_TEST(a_daemon_that_refuses_its_configuration_is_quoted)
{
	struct daemon_options o = options("other");
	struct daemon other;

	o.spin = "nonsense";
	ck_assert_int_lt(daemon_start(&other, &o, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "does not start"));
	ck_assert_ptr_nonnull(strstr(err.msg, "spin"));
	o.spin = NULL;
	o.program = "/nonexistent/revd";
	ck_assert_int_lt(daemon_start(&other, &o, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent/revd: not found"));
}
END_TEST

/* Runs revbench for a moment, with what it says going to fd. Its exit status. */
static int run_program(const char *revd, const char *option, const char *value, int fd)
{
	const char *argv[] = {getenv("REVBENCH"), "--quick", "--only", "stream", "--rounds", "1",
		"--slice", "10ms", "--revd", revd, option, value, NULL};
	struct proc p;
	int status;

	ck_assert_ptr_nonnull(argv[0]);
	ck_assert_int_eq(proc_spawn(&p, argv, NULL, fd), 0);
	ck_assert(proc_wait(&p, 30000));
	status = proc_stop(&p);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A daemon would have been missing, too: which of both is said tells what came first. */
START_TEST(a_file_that_cannot_be_written_is_refused_before_anything_starts)
{
	static const char *const options[] = {"--json", "--html", "--svg"};
	CLEANUP_FREE char *said = NULL;
	char path[64];
	size_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/said", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(run_program("/nonexistent/revd", options[_i], "/nonexistent/file", fd), 1);
	close(fd);
	ck_assert_int_eq(fd_read_file(path, 4096, &said, &n), 0);
	ck_assert_ptr_nonnull(strstr(said, "/nonexistent/file: No such file or directory"));
	ck_assert_ptr_null(strstr(said, "/nonexistent/revd"));
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(results_that_cannot_be_printed_are_an_error)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	ck_assert_int_ge(null, 0);
	ck_assert_int_eq(run_program(getenv("REVD"), NULL, NULL, full), 1);
	ck_assert_int_eq(run_program(getenv("REVD"), NULL, NULL, null), 0);
	close(full);
	close(null);
}
END_TEST

/* The floor of NATS is this program, started once more. */
int main(int argc, char **argv)
{
	Suite *s = suite_create("bench/daemon");
	TCase *t = tcase_create("daemon");

	if (argc == 4 && strcmp(argv[1], NATS_FLOOR_OPTION) == 0) {
		return nats_floor_run(argv[2], argv[3]);
	}
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, every_load_is_answered_rightly, 0, (int)ARRAY_SIZE(loads));
	tcase_add_loop_test(t, and_as_frames, 0, (int)ARRAY_SIZE(loads));
	tcase_add_loop_test(t, nats_has_its_floor, 0, (int)ARRAY_SIZE(loads));
	tcase_add_test(t, through_the_library);
	tcase_add_test(t, a_connection_per_request);
	tcase_add_test(t, beside_a_neighbour);
	tcase_add_loop_test(t, its_death_ends_the_run_and_is_named, 0, (int)ARRAY_SIZE(deaths));
	tcase_add_test(t, one_that_runs_can_be_attached_to);
	tcase_add_test(t, nobody_there_is_said);
	tcase_add_test(t, a_daemon_that_refuses_its_configuration_is_quoted);
	tcase_add_loop_test(
		t, a_file_that_cannot_be_written_is_refused_before_anything_starts, 0, 3);
	tcase_add_test(t, results_that_cannot_be_printed_are_an_error);
	suite_add_tcase(s, t);
	return runner_run(s);
}
