/* Reload and stop: who is connected keeps his connection and gets his answers. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/pump.h"
#include "common/scene.h"
#include "common/stage.h"
#include "util/fd.h"
#include "util/macro.h"

/* The sections of rig_all, one by one. */
#define STREAM_AT(path) "[endpoint.stream]\ntransport = uds\nmode = 0666\npath = " path "\n"
#define STREAM_HERE STREAM_AT("@DIR@/stream.sock")
#define FIFO_HERE "[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\n"
#define MQUEUE_HERE "[endpoint.mqueue]\ntransport = mqueue\nqueue = @QUEUE@\nmessage_size = 1K\n"

static void reload(struct rig *rig, const char *config)
{
	rig_write(rig, "revd.conf", config);
	rig_reload(rig);
}

/* Requests that are in the kernel when the signal comes are received ones. */
START_TEST(sigterm_answers_what_was_received)
{
	enum { N = 8 };
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "");
	client_barrier(&s.client);
	rig_signal(&s.rig, SIGSTOP);
	for (uint64_t i = 0; i < N; i++) {
		client_send_frame(&s.client, RV_OP_CALL, 0, i, "uno", 3);
	}
	rig_signal(&s.rig, SIGTERM);
	rig_signal(&s.rig, SIGCONT);
	for (uint64_t i = 0; i < N; i++) {
		client_recv_frame(&s.client, &r, i, RV_STATUS_OK);
		ck_assert_mem_eq(r.data, "onu", 3);
	}
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	scene_close(&s);
}
END_TEST

START_TEST(sigterm_answers_lines)
{
	struct scene s;
	struct reply r;

	scene_open(&s, _i, "");
	client_expect_text(&s.client, "a", "a");
	rig_signal(&s.rig, SIGSTOP);
	for (int i = 0; i < 8; i++) {
		client_send_text(&s.client, "uno");
	}
	rig_signal(&s.rig, SIGTERM);
	rig_signal(&s.rig, SIGCONT);
	for (int i = 0; i < 8; i++) {
		client_recv_line(&s.client, &r);
		ck_assert_mem_eq(r.data, "onu", 3);
	}
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	scene_close(&s);
}
END_TEST

/* A large answer that the client has not taken yet. */
START_TEST(sigterm_sends_the_rest_of_a_reply)
{
	enum { N = 900000 };
	static char text[N];
	struct scene s;
	size_t n;

	memset(text, 'x', N);
	scene_open(&s, _i, "");
	client_send_large(&s.client, RV_OP_PING, 1, text, N);
	rig_signal(&s.rig, SIGTERM);
	rig_wait_notify(&s.rig, "STOPPING=1");
	free(client_recv_joined(&s.client, 1, RV_STATUS_OK, &n));
	ck_assert_uint_eq(n, N);
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	scene_close(&s);
}
END_TEST

/* A client that does not read keeps the daemon for drain_timeout, no longer. */
START_TEST(sigterm_does_not_wait_for_the_deaf)
{
	static char text[900000];
	struct scene s;

	scene_open(&s, _i, "drain_timeout = 200ms");
	client_send_large(&s.client, RV_OP_PING, 1, text, sizeof text);
	rig_stop(&s.rig);
	scene_close(&s);
}
END_TEST

START_TEST(idle_clients_do_not_hold_up_the_end)
{
	struct client all[TRANSPORTS];
	struct scene s;

	scene_open(&s, STREAM, "drain_timeout = 10min");
	for (int i = 0; i < TRANSPORTS; i++) {
		client_open(&all[i], &s.rig, (enum transport)i);
		client_expect_call(&all[i], 1, "uno", "onu");
		client_expect_text(&all[i], "dos", "sod");
	}
	rig_stop(&s.rig);
	client_expect_eof(&all[STREAM]);
	client_expect_eof(&all[SEQPACKET]);
	for (int i = 0; i < TRANSPORTS; i++) {
		client_close(&all[i]);
	}
	scene_close(&s);
}
END_TEST

/* True if the name is one that the rig made, not the daemon. */
static bool is_ours(const char *name)
{
	return name[0] == '.' || strcmp(name, "revd.conf") == 0 || strcmp(name, "notify") == 0 ||
	       strcmp(name, "stderr") == 0 || strncmp(name, "valgrind.", 9) == 0;
}

START_TEST(own_names_are_removed)
{
	struct scene s;
	struct dirent *e;
	DIR *dir;

	scene_open(&s, FIFO, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	client_close(&s.client);
	rig_stop(&s.rig);
	dir = opendir(s.rig.dir);
	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir))) {
		ck_assert_msg(is_ours(e->d_name), "%s is left behind", e->d_name);
	}
	closedir(dir);
	ck_assert(!rig_has_queue(&s.rig, ""));
	ck_assert(!rig_has_queue(&s.rig, ".out"));
	rig_finish(&s.rig);
}
END_TEST

START_TEST(sigint_is_sigterm)
{
	struct scene s;

	scene_open(&s, STREAM, "");
	rig_signal(&s.rig, SIGINT);
	ck_assert_int_eq(rig_wait_exit(&s.rig), 0);
	scene_close(&s);
}
END_TEST

/* Reload. */

START_TEST(reload_of_the_same_changes_nothing)
{
	struct scene s;
	size_t fds;

	scene_open(&s, _i, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	rig_reload(&s.rig);
	fds = rig_fd_count(&s.rig);
	client_send_frame(&s.client, RV_OP_CALL, RV_FRAME_MORE, 2, "mi", 2);
	client_barrier(&s.client);
	for (int i = 0; i < 20; i++) {
		rig_reload(&s.rig);
	}
	ck_assert_uint_le(rig_fd_count(&s.rig), fds + 1);         /* one may be on its way */
	client_send_frame(&s.client, RV_OP_CALL, 0, 2, "tad", 3); /* begun before */
	client_recv_frame(&s.client, &(struct reply){0}, 2, RV_STATUS_OK);
	client_expect_call(&s.client, 3, "dos", "sod");
	scene_close(&s);
}
END_TEST

START_TEST(reload_adds_and_removes)
{
	struct client fifo, queue;
	struct rig rig;
	struct client c;

	rig_start(&rig, STREAM_HERE FIFO_HERE);
	client_open(&c, &rig, STREAM);
	client_open(&fifo, &rig, FIFO);
	client_expect_call(&fifo, 1, "uno", "onu");
	reload(&rig, STREAM_HERE MQUEUE_HERE);
	rig_wait_gone(&rig, "fifo");
	rig_wait_gone(&rig, "fifo.out"); /* after the last reply */
	client_open(&queue, &rig, MQUEUE);
	client_expect_call(&queue, 1, "dos", "sod");
	client_expect_text(&queue, "dos", "sod");
	client_expect_call(&c, 1, "tres", "sert");
	ck_assert_int_eq(client_stat(&rig, "endpoints.fifo.requests"), -1);
	client_close(&queue);
	reload(&rig, STREAM_HERE FIFO_HERE);
	ck_assert(!rig_has_queue(&rig, ""));
	client_close(&fifo);
	client_open(&fifo, &rig, FIFO);
	client_expect_call(&fifo, 1, "uno", "onu");
	client_expect_call(&c, 2, "tres", "sert");
	client_close(&fifo);
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* A removed endpoint's clients get what they asked for, then the end. */
START_TEST(reload_drains_what_it_removes)
{
	struct client gone;
	struct scene s;
	struct reply r;

	scene_open(&s, STREAM, "");
	client_open(&gone, &s.rig, SEQPACKET);
	client_expect_call(&gone, 1, "uno", "onu");
	rig_signal(&s.rig, SIGSTOP);
	client_send_frame(&gone, RV_OP_CALL, 0, 2, "dos", 3);
	rig_write(&s.rig, "revd.conf", STREAM_HERE);
	rig_signal(&s.rig, SIGHUP);
	rig_signal(&s.rig, SIGCONT);
	client_recv_frame(&gone, &r, 2, RV_STATUS_OK);
	client_expect_eof(&gone);
	client_close(&gone);
	rig_wait_notify(&s.rig, "READY=1");
	client_expect_call(&s.client, 3, "tres", "sert");
	scene_close(&s);
}
END_TEST

START_TEST(reload_moves_an_endpoint)
{
	char path[RIG_PATH];
	struct client moved;
	struct rig rig;

	rig_start(&rig, STREAM_HERE);
	reload(&rig, STREAM_AT("@DIR@/moved.sock"));
	ck_assert(!rig_has(&rig, "stream.sock"));
	client_open_at(&moved, STREAM, rig_path(&rig, "moved.sock", path));
	client_expect_call(&moved, 1, "uno", "onu");
	client_close(&moved);
	rig_finish(&rig);
}
END_TEST

/* Whatever way an address is written: the endpoint stays, with its clients, and
 * another one can take it over. */
START_TEST(reload_spells_an_address_another_way)
{
	char dir[RIG_PATH], link[RIG_PATH];
	struct scene s;

	rig_start(&s.rig, "[endpoint.a]\ntransport = uds\npath = @DIR@/a.sock\n");
	client_open_at(&s.client, STREAM, rig_path(&s.rig, "a.sock", dir));
	client_expect_text(&s.client, "uno", "onu");
	rig_write(&s.rig, "revd.conf", "[endpoint.a]\ntransport = uds\npath = @DIR@//./a.sock\n");
	rig_reload(&s.rig);
	client_expect_text(&s.client, "dos", "sod");
	client_close(&s.client);
	ck_assert_int_eq(symlink(s.rig.dir, rig_path(&s.rig, "link", link)), 0);
	rig_write(&s.rig, "revd.conf", "[endpoint.b]\ntransport = uds\npath = @DIR@/link/a.sock\n");
	rig_reload(&s.rig);
	ck_assert(!rig_log_has(&s.rig, "the old configuration stays"));
	client_open_at(&s.client, STREAM, dir);
	client_expect_text(&s.client, "tres", "sert");
	client_close(&s.client);
	rig_finish(&s.rig);
}
END_TEST

/* Two endpoints exchange their addresses. */
START_TEST(reload_swaps_addresses)
{
	char path[RIG_PATH];
	struct client a, b;
	struct rig rig;

	rig_start(&rig, "[endpoint.a]\ntransport = uds\npath = @DIR@/a\n"
			"[endpoint.b]\ntransport = uds\npath = @DIR@/b\nservice = echo\n");
	client_open_at(&a, STREAM, rig_path(&rig, "a", path));
	client_expect_text(&a, "uno", "onu");
	reload(&rig, "[endpoint.a]\ntransport = uds\npath = @DIR@/b\n"
		     "[endpoint.b]\ntransport = uds\npath = @DIR@/a\nservice = echo\n");
	client_open_at(&b, STREAM, rig_path(&rig, "a", path));
	client_expect_text(&b, "uno", "uno");
	client_close(&b);
	client_open_at(&b, STREAM, rig_path(&rig, "b", path));
	client_expect_text(&b, "uno", "onu");
	client_close(&a);
	client_close(&b);
	rig_finish(&rig);
}
END_TEST

/* Another section takes over the address. */
START_TEST(reload_renames_an_endpoint)
{
	struct client c;
	struct rig rig;

	rig_start(&rig, STREAM_HERE "[endpoint.old]\ntransport = fifo\npath = @DIR@/fifo\n");
	client_open(&c, &rig, FIFO);
	client_expect_call(&c, 1, "uno", "onu");
	client_close(&c);
	reload(&rig, STREAM_HERE "[endpoint.new]\ntransport = fifo\npath = @DIR@/fifo\n"
				 "service = echo\n");
	client_open(&c, &rig, FIFO);
	client_expect_call(&c, 1, "uno", "uno");
	ck_assert_int_eq(client_stat(&rig, "endpoints.new.requests"), 1);
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* One of two changes can't be made: neither is. */
START_TEST(reload_is_all_or_nothing)
{
	char path[RIG_PATH];
	struct client c;
	struct rig rig;

	rig_start(&rig, "[endpoint.a]\ntransport = uds\npath = @DIR@/a\n"
			"[endpoint.b]\ntransport = uds\npath = @DIR@/b\nservice = echo\n");
	reload(&rig, "[endpoint.a]\ntransport = uds\npath = @DIR@/moved\n"
		     "[endpoint.b]\ntransport = uds\npath = @DIR@/missing/b\n");
	ck_assert(rig_log_has(&rig, "missing/b"));
	ck_assert(!rig_has(&rig, "moved"));
	client_open_at(&c, STREAM, rig_path(&rig, "a", path));
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	client_open_at(&c, STREAM, rig_path(&rig, "b", path));
	client_expect_text(&c, "uno", "uno");
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

START_TEST(reload_changes_the_service_in_place)
{
	struct client c;
	struct rig rig;

	rig_start(&rig, STREAM_HERE);
	client_open(&c, &rig, STREAM);
	client_expect_text(&c, "uno", "onu");
	reload(&rig, STREAM_HERE "service = echo\n");
	client_expect_text(&c, "uno", "uno");
	reload(&rig, STREAM_HERE "service = bytes\n[service.bytes]\ntype = reverse\nunit = byte\n"
				 "invalid = bytes\n");
	client_expect_text(&c, "\xc3\xb1!", "!\xb1\xc3");
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

START_TEST(reload_changes_limits_in_place)
{
	struct client c, second;
	struct rig rig;

	rig_start(&rig, STREAM_HERE);
	client_open(&c, &rig, STREAM);
	client_expect_text(&c, "hola", "aloh");
	reload(&rig, "[revd]\nmax_request = 3B\n" STREAM_HERE "max_peers = 1\n");
	client_send_text(&c, "hola");
	client_expect_nak(&c, "too-large", "4 bytes, the limit is 3");
	client_open(&second, &rig, STREAM);
	client_send_text(&second, "uno");
	client_expect_nak(&second, "busy", NULL);
	client_close(&second);
	client_expect_text(&c, "uno", "onu");
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* What is wrong in each, and what the log must say. */
static const struct {
	const char *config;
	const char *says;
} broken[] = {
	{STREAM_HERE "no_such_key = 1\n", "revd.conf:5"},
	{STREAM_HERE "max_peers = many\n", "max_peers"},
	{STREAM_HERE FIFO_HERE "[endpoint.stream]\n", "revd.conf:8"},
	{STREAM_HERE "[endpoint.other]\ntransport = carrier-pigeon\n", "carrier-pigeon"},
	{STREAM_HERE FIFO_HERE "[endpoint.b]\ntransport = uds\npath = @DIR@/stream.sock\n",
		"stream.sock"},
	{"[revd]\nmax_request = 12\n" STREAM_HERE, "max_request"},
	{"nonsense\n", "revd.conf:1"},
	{STREAM_AT("@DIR@/moved.sock") FIFO_HERE "[endpoint.b]\ntransport = uds\n"
						 "path = @DIR@/missing/sock\n",
		"missing/sock"},
	{STREAM_HERE FIFO_HERE "[endpoint.b]\ntransport = uds\npath = @DIR@/revd.conf\n",
		"revd.conf"},
};

START_TEST(reload_of_a_broken_file_changes_nothing)
{
	struct client c;
	struct scene s;
	size_t from, fds;

	scene_open(&s, FIFO, "");
	client_open(&c, &s.rig, STREAM);
	client_expect_call(&c, 1, "uno", "onu");
	client_expect_call(&s.client, 1, "uno", "onu");
	fds = rig_fd_count(&s.rig);
	free(rig_log(&s.rig, &from));
	reload(&s.rig, broken[_i].config);
	rig_wait_log(&s.rig, from, broken[_i].says);
	client_expect_call(&c, 2, "dos", "sod");
	client_expect_call(&s.client, 2, "dos", "sod");
	ck_assert_uint_le(rig_fd_count(&s.rig), fds + 1); /* one may be on its way */
	ck_assert(!rig_has(&s.rig, "moved.sock"));
	for (int i = 0; i < TRANSPORTS; i++) {
		struct client fresh;

		client_open(&fresh, &s.rig, (enum transport)i);
		client_expect_call(&fresh, 3, "tres", "sert");
		client_close(&fresh);
	}
	client_close(&c);
	scene_close(&s);
}
END_TEST

START_TEST(reload_without_the_file)
{
	char path[RIG_PATH];
	struct scene s;

	scene_open(&s, STREAM, "");
	ck_assert_int_eq(unlink(rig_path(&s.rig, "revd.conf", path)), 0);
	rig_reload(&s.rig);
	client_expect_call(&s.client, 1, "uno", "onu");
	ck_assert(rig_log_has(&s.rig, "revd.conf"));
	scene_close(&s);
}
END_TEST

/* Signals at any moment neither lose nor repeat anything. */
START_TEST(reloads_under_load)
{
	static const struct pump pump = {30000, pump_make_word, pump_want_word};
	struct scene s;
	int status;
	pid_t pid;

	scene_open(&s, _i, "workers = 2");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	while (pid == 0) { /* the supervisor, too: it listens */
		char state[512];

		kill(s.rig.pid, SIGHUP);
		poll(NULL, 0, 3);
		while (recv(s.rig.notify, state, sizeof state, MSG_DONTWAIT) >= 0) {
		}
	}
	pump_lines(&s.client, &pump);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	scene_close(&s);
}
END_TEST

START_TEST(sigterm_during_reloads)
{
	struct scene s;

	scene_open(&s, STREAM, "");
	client_expect_call(&s.client, 1, "uno", "onu");
	for (int i = 0; i < 20; i++) {
		rig_signal(&s.rig, SIGHUP);
	}
	rig_stop(&s.rig);
	scene_close(&s);
}
END_TEST

/* Its socket is full, and nobody takes anything out of it. */
START_TEST(supervisor_that_does_not_listen)
{
	CLEANUP_FREE char *text = NULL;
	struct scene s;
	size_t from;
	int max;

	ck_assert_int_eq(fd_read_file("/proc/sys/net/unix/max_dgram_qlen", 100, &text, &from), 0);
	max = (int)strtol(text, NULL, 10); /* two messages for each reload */
	scene_open(&s, STREAM, "");
	for (int i = 0; i < max; i++) {
		free(rig_log(&s.rig, &from));
		rig_signal(&s.rig, SIGHUP);
		rig_wait_log(&s.rig, from, "reload");
		client_expect_call(&s.client, 1, "uno", "onu");
	}
	rig_stop(&s.rig);
	scene_close(&s);
}
END_TEST

/* Standard error that takes nothing: entries are lost, nothing else. */
START_TEST(log_that_is_full)
{
	CLEANUP_FD int dev_full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	static char bytes[4096];
	struct scene s;
	int pipes[2];

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pipes[1], bytes, sizeof bytes) > 0) {
	}
	rig_init(&s.rig);
	rig_write(&s.rig, "revd.conf", "[revd]\nlog_level = debug\n" STREAM_HERE);
	rig_launch(&s.rig, &(struct launch){.err = _i ? dev_full : pipes[1]});
	client_open(&s.client, &s.rig, STREAM);
	for (uint64_t i = 0; i < 10; i++) {
		rig_reload(&s.rig);
		client_expect_call(&s.client, i, "uno", "onu");
	}
	close(pipes[0]);
	close(pipes[1]);
	scene_close(&s);
}
END_TEST

/* The log pipe's reader has gone: no SIGPIPE. */
START_TEST(log_without_a_reader)
{
	struct scene s;
	int pipes[2];

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	close(pipes[0]);
	rig_init(&s.rig);
	rig_write(&s.rig, "revd.conf", STREAM_HERE);
	rig_launch(&s.rig, &(struct launch){.err = pipes[1]});
	client_open(&s.client, &s.rig, STREAM);
	rig_reload(&s.rig);
	client_expect_call(&s.client, 1, "uno", "onu");
	close(pipes[1]);
	scene_close(&s);
}
END_TEST

static TCase *stops(void)
{
	TCase *t = stage_tcase("stop");

	tcase_add_loop_test(t, sigterm_answers_what_was_received, 0, TRANSPORTS);
	tcase_add_loop_test(t, sigterm_answers_lines, 0, TRANSPORTS);
	tcase_add_loop_test(t, sigterm_sends_the_rest_of_a_reply, 0, TRANSPORTS);
	tcase_add_loop_test(t, sigterm_does_not_wait_for_the_deaf, 0, TRANSPORTS);
	tcase_add_test(t, idle_clients_do_not_hold_up_the_end);
	tcase_add_test(t, own_names_are_removed);
	tcase_add_test(t, sigint_is_sigterm);
	return t;
}

static TCase *reloads(void)
{
	TCase *t = stage_tcase("reload");

	tcase_add_loop_test(t, reload_of_the_same_changes_nothing, 0, TRANSPORTS);
	tcase_add_test(t, reload_adds_and_removes);
	tcase_add_test(t, reload_drains_what_it_removes);
	tcase_add_test(t, reload_moves_an_endpoint);
	tcase_add_test(t, reload_swaps_addresses);
	tcase_add_test(t, reload_spells_an_address_another_way);
	tcase_add_test(t, reload_renames_an_endpoint);
	tcase_add_test(t, reload_is_all_or_nothing);
	tcase_add_test(t, reload_changes_the_service_in_place);
	tcase_add_test(t, reload_changes_limits_in_place);
	tcase_add_loop_test(t, reload_of_a_broken_file_changes_nothing, 0, ARRAY_SIZE(broken));
	tcase_add_test(t, reload_without_the_file);
	tcase_add_loop_test(t, reloads_under_load, 0, TRANSPORTS);
	tcase_add_test(t, sigterm_during_reloads);
	return t;
}

int main(void)
{
	Suite *s = suite_create("lifecycle");
	TCase *t = stage_tcase("log");

	tcase_add_loop_test(t, log_that_is_full, 0, 2);
	tcase_add_test(t, log_without_a_reader);
	tcase_add_test(t, supervisor_that_does_not_listen);
	suite_add_tcase(s, stops());
	suite_add_tcase(s, reloads());
	suite_add_tcase(s, t);
	return stage_run(s);
}
