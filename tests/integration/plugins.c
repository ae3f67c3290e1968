/* Backends and services from plugin_dir: what is loaded, and what never is. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/client.h"
#include "common/late.h"
#include "common/run.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

#define DIR_KEY "[revd]\nplugin_dir = @DIR@/plugins\n"
#define STREAM_HERE "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"

static void expect_reply(int fd, const char *request, const char *reply)
{
	uint64_t until = wait_until(WAIT_MS);
	char got[256];
	size_t n = 0;

	ck_assert_int_eq(fd_write_all(fd, request, strlen(request)), 0);
	while (n < strlen(reply)) {
		ssize_t k;

		ck_assert_msg(wait_fd(fd, POLLIN, until), "no reply in time");
		k = read(fd, got + n, sizeof got - n);
		ck_assert(k > 0 || (k < 0 && errno == EAGAIN));
		n += k > 0 ? (size_t)k : 0;
	}
	ck_assert_uint_eq(n, strlen(reply));
	ck_assert_mem_eq(got, reply, n);
}

/* A port that nobody listens on: the kernel chose it for a socket that is closed again. */
static unsigned free_port(void)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof sa;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	return ntohs(sa.sin_port);
}

static int tcp_connect(unsigned port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&sa, sizeof sa), 0);
	return fd;
}

static void start_tcp(struct rig *rig, unsigned port)
{
	char config[512];

	rig_init(rig);
	late_install(rig, "plugins", getenv("REVD_TEST_TCP"));
	snprintf(config, sizeof config,
		DIR_KEY STREAM_HERE "[endpoint.tcp]\ntransport = tcp\nport = %u\n", port);
	rig_write(rig, "revd.conf", config);
	rig_launch(rig, NULL);
}

/* The example: connections that are no Unix sockets, on the base that ours are on. */
START_TEST(connections_outside_of_the_tree)
{
	static const uint8_t frame[] = {
		0xff, 1, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd'};
	static const char reply[] = "\xff\x01\x00\x80\x04\x00\x00\x00\x07\x00\x00\x00"
				    "\x00\x00\x00\x00"
				    "dcba";
	unsigned port = free_port();
	struct rig rig;
	uint8_t got[64];
	char byte;
	int fd;

	start_tcp(&rig, port);
	fd = tcp_connect(port);
	expect_reply(fd, "hola\nuno\n", "aloh\nonu\n");
	ck_assert_int_eq(fd_write_all(fd, frame, sizeof frame), 0);
	ck_assert_int_eq(recv(fd, got, sizeof reply - 1, MSG_WAITALL), sizeof reply - 1);
	ck_assert_mem_eq(got, reply, sizeof reply - 1);
	rig_reload(&rig);
	expect_reply(fd, "dos\n", "sod\n"); /* a reload leaves it alone */
	ck_assert_int_eq(fd_write_all(fd, "last", 4), 0);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_int_eq(recv(fd, got, 4, MSG_WAITALL), 4);
	ck_assert_mem_eq(got, "tsal", 4);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
	fd = tcp_connect(port);
	ck_assert_int_eq(fd_write_all(fd, "at the end\n", 11), 0);
	rig_stop(&rig);
	ck_assert_int_eq(recv(fd, got, 11, MSG_WAITALL), 11);
	ck_assert_mem_eq(got, "dne eht ta\n", 11);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
	rig_finish(&rig);
}
END_TEST

/* Without it there is no such transport. */
START_TEST(not_loaded_without_plugin_dir)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	late_install(&rig, "plugins", getenv("REVD_TEST_TCP"));
	rig_write(&rig, "revd.conf", "[endpoint.tcp]\ntransport = tcp\n");
	RUN(&r, &rig, "revd", "--check", "-c", "@DIR@/revd.conf");
	ck_assert_int_eq(r.status, 78);
	ck_assert_ptr_nonnull(strstr(r.err, "tcp"));
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* The daemon must not start, and must name what is wrong. */
static void expect_refused(const struct rig *rig, const char *says)
{
	static const char *const options[] = {"--check", "--dump-config"};

	for (size_t i = 0; i <= ARRAY_SIZE(options); i++) {
		struct run r;

		RUN(&r, rig, "revd", "-c", "@DIR@/revd.conf", i ? options[i - 1] : NULL);
		ck_assert_msg(r.status == 78, "exit code %d: %s", r.status, r.err);
		ck_assert_msg(strstr(r.err, says), "'%s' does not say '%s'", r.err, says);
		run_free(&r);
	}
	ck_assert(!rig_has(rig, "stream.sock"));
}

static void start_misfit(struct rig *rig, const char *variable)
{
	rig_init(rig);
	late_install(rig, "plugins", getenv(variable));
	rig_write(rig, "revd.conf", DIR_KEY STREAM_HERE);
}

static const struct {
	const char *variable, *says;
} misfits[] = {
	{"REVD_TEST_MISFIT_MAGIC", "misfit_magic.so"},
	{"REVD_TEST_MISFIT_ABI", "ABI 99"},
	{"REVD_TEST_MISFIT_ABI1", "built for plugin ABI 1"},
	{"REVD_TEST_MISFIT_BACKEND", "built for plugin ABI 1"},
	{"REVD_TEST_MISFIT_LIBEVENT", "libevent"},
	{"REVD_TEST_MISFIT_NAME", "reverse"},
};

START_TEST(misfits_are_refused)
{
	struct rig rig;

	start_misfit(&rig, misfits[_i].variable);
	expect_refused(&rig, misfits[_i].says);
	rig_finish(&rig);
}
END_TEST

START_TEST(not_a_shared_object)
{
	struct rig rig;

	start_misfit(&rig, "REVD_TEST_LATE");
	rig_write(&rig, "plugins/zzz.so", "this is no program\n");
	expect_refused(&rig, "zzz.so");
	rig_finish(&rig);
}
END_TEST

/* Names that do not end in .so are nobody's business. */
START_TEST(other_files_are_left_alone)
{
	struct rig rig;
	struct run r;

	start_misfit(&rig, "REVD_TEST_LATE");
	rig_write(&rig, "plugins/README", "nothing\n");
	rig_write(&rig, "plugins/.so", "nothing\n");
	RUN(&r, &rig, "revd", "--check", "-c", "@DIR@/revd.conf");
	ck_assert_msg(r.status == 0, "%s", r.err);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(missing_directory)
{
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "revd.conf", DIR_KEY STREAM_HERE);
	expect_refused(&rig, "plugins");
	rig_finish(&rig);
}
END_TEST

/* Who may write there decides what root runs. */
START_TEST(writable_by_others)
{
	char dir[RIG_PATH], file[RIG_PATH];
	struct rig rig;

	start_misfit(&rig, "REVD_TEST_LATE");
	rig_path(&rig, "plugins", dir);
	rig_path(&rig, "plugins/late.so", file);
	ck_assert_int_eq(chmod(dir, 0777), 0);
	expect_refused(&rig, dir);
	ck_assert_int_eq(chmod(dir, 0775), 0);
	expect_refused(&rig, dir);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(file, 0775), 0);
	expect_refused(&rig, file);
	rig_finish(&rig);
}
END_TEST

START_TEST(owned_by_others)
{
	char dir[RIG_PATH], file[RIG_PATH], link[RIG_PATH];
	struct rig rig;

	start_misfit(&rig, "REVD_TEST_LATE");
	rig_path(&rig, "plugins", dir);
	rig_path(&rig, "plugins/late.so", file);
	ck_assert_int_eq(chown(dir, RIG_UID, 0), 0);
	expect_refused(&rig, dir);
	ck_assert_int_eq(chown(dir, 0, 0), 0);
	ck_assert_int_eq(chown(file, RIG_UID, 0), 0);
	expect_refused(&rig, file);
	ck_assert_int_eq(chown(file, 0, 0), 0);
	ck_assert_int_eq(symlink(file, rig_path(&rig, "plugins/link.so", link)), 0);
	expect_refused(&rig, link);
	rig_finish(&rig);
}
END_TEST

static const char *const runs_plugins[][2] = {
	{"runs", "REVD_TEST_RUNS_BOTH"}, {"runs-alone", "REVD_TEST_RUNS_ALONE"}};

/* What its lines() gets wrong goes to call(), and so does all of it if it has none. */
START_TEST(lines_of_a_service)
{
	static const char requests[] = "taken\nused\nlines\nfine\nused again\nfine\n";
	static const char *const replies[2] = {
		"call\ncall\ncall\nrun\ncall\nrun\n", "call\ncall\ncall\ncall\ncall\ncall\n"};
	const char *const *plugin = runs_plugins[_i], *want = replies[_i];
	CLEANUP_FREE char *config = NULL;
	struct client c;
	struct reply r;
	struct rig rig;

	ck_assert_int_gt(asprintf(&config, DIR_KEY STREAM_HERE "service = %s\n", plugin[0]), 0);
	rig_init(&rig);
	late_install(&rig, "plugins", getenv(plugin[1]));
	rig_write(&rig, "revd.conf", config);
	rig_launch(&rig, NULL);
	client_open(&c, &rig, STREAM);
	client_send(&c, requests, sizeof requests - 1);
	for (int i = 0; i < 6; i++) {
		client_recv_line(&c, &r);
		ck_assert_mem_eq(r.data, want, r.n);
		want += r.n;
	}
	ck_assert_int_eq(client_stat(&rig, "endpoints.stream.lines"), 6);
	ck_assert(rig_log_has(&rig, "lines() returns nonsense") == (_i == 0));
	client_close(&c);
	rig_stop(&rig);
	rig_finish(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plugins");
	TCase *t = stage_tcase("plugins");

	tcase_add_test(t, connections_outside_of_the_tree);
	tcase_add_test(t, not_loaded_without_plugin_dir);
	tcase_add_loop_test(t, misfits_are_refused, 0, ARRAY_SIZE(misfits));
	tcase_add_loop_test(t, lines_of_a_service, 0, ARRAY_SIZE(runs_plugins));
	tcase_add_test(t, not_a_shared_object);
	tcase_add_test(t, other_files_are_left_alone);
	tcase_add_test(t, missing_directory);
	tcase_add_test(t, writable_by_others);
	if (geteuid() == 0) { /* giving files away */
		tcase_add_test(t, owned_by_others);
	}
	suite_add_tcase(s, t);
	return stage_run(s);
}
