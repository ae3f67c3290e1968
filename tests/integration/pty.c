/* Terminals from outside: programs that open one name for reading and writing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/client.h"
#include "common/pty_link.h"
#include "common/run.h"
#include "common/stage.h"
#include "common/wait.h"

static const char config[] =
	"[endpoint.pty]\ntransport = pty\npath = @DIR@/tty\nslow_timeout = 300ms\n"
	"[endpoint.chunk]\ntransport = pty\npath = @DIR@/fifo_twoway\nframing = chunk\n"
	"[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n";

static struct rig rig;

static void setup(void)
{
	rig_start(&rig, config);
}

static void teardown(void)
{
	rig_finish(&rig);
}

static void check_served(void)
{
	struct client c;
	char path[RIG_PATH];

	client_open_link(&c, &pty_link_open(rig_path(&rig, "tty", path))->link, 0);
	client_expect_text(&c, "hola", "aloh");
	client_close(&c);
}

static void wait_nobody(const char *stat)
{
	uint64_t until = wait_until(WAIT_MS);

	while (client_stat(&rig, stat) != 0) {
		ck_assert_msg(wait_left(until) > 0, "a client stays");
	}
}

/* What a program does that knows of nothing but one FIFO used both ways: it writes a text
 * without a terminator, and reads as many bytes back. */
static const char client_program[] =
	"import os, sys\n"
	"fd = os.open(sys.argv[1], os.O_RDWR)\n"
	"while True:\n"
	"    text = input('Ingrese un string: ')\n"
	"    os.write(fd, text.encode())\n"
	"    if text == 'end':\n"
	"        break\n"
	"    print('Reverse:', os.read(fd, len(text.encode())).decode())\n"
	"os.close(fd)\n";

START_TEST(a_client_of_one_fifo)
{
	static const char words[] = "hola\nmundo\nuno\ndos\ntres\ncuatro\ncinco\nmañana\nocho\n"
				    "la ruta natural\nend\n";
	static const char answers[] =
		"Ingrese un string: Reverse: aloh\nIngrese un string: Reverse: odnum\n"
		"Ingrese un string: Reverse: onu\nIngrese un string: Reverse: sod\n"
		"Ingrese un string: Reverse: sert\nIngrese un string: Reverse: ortauc\n"
		"Ingrese un string: Reverse: ocnic\nIngrese un string: Reverse: anañam\n"
		"Ingrese un string: Reverse: ohco\nIngrese un string: Reverse: larutan atur al\n"
		"Ingrese un string: ";
	struct run r;

	for (int i = 0; i < 3; i++) { /* `end` has ended nobody but the one who said it */
		RUN_INPUT(&r, &rig, words, strlen(words), "python3", "-c", client_program,
			"@DIR@/fifo_twoway");
		ck_assert_msg(r.status == 0, "%s", r.err);
		ck_assert_str_eq(r.out, answers);
		run_free(&r);
	}
	wait_nobody("endpoints.chunk.peers");
	ck_assert_int_eq(client_stat(&rig, "endpoints.chunk.drops.peer_gone"), 0);
}
END_TEST

/* A session leader without a terminal gets this one for its own: to be hung up on kills it. */
START_TEST(a_client_that_leads_its_session)
{
	struct run r;

	for (int i = 0; i < 5; i++) {
		RUN_INPUT(&r, &rig, "hola\nend\n", 9, "setsid", "--wait", "python3", "-c",
			client_program, "@DIR@/fifo_twoway");
		ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.err);
		ck_assert_str_eq(r.out, "Ingrese un string: Reverse: aloh\nIngrese un string: ");
		run_free(&r);
	}
	wait_nobody("endpoints.chunk.peers");
}
END_TEST

/* Nor when it has closed the name, and goes on with something else. */
START_TEST(a_leader_that_lives_on)
{
	static const char script[] =
		"for word in uno dos tres; do exec 3<>tty; echo $word >&3; read -r answer <&3;"
		" exec 3>&-; echo $answer; done; \"$REVC\" -e pty:tty cuatro";
	size_t fds = rig_fd_count(&rig);
	uint64_t until = wait_until(WAIT_MS);
	struct run r;

	RUN(&r, &rig, "setsid", "--wait", "sh", "-c", script);
	ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.err);
	ck_assert_str_eq(r.out, "onu\nsod\nsert\nortauc\n");
	run_free(&r);
	wait_nobody("endpoints.pty.peers");
	ck_assert_int_eq(client_stat(&rig, "endpoints.pty.drops.peer_gone"), 0);
	while (rig_fd_count(&rig) > fds) {
		ck_assert_msg(wait_left(until) > 0, "descriptors stay");
	}
}
END_TEST

START_TEST(a_shell)
{
	static const char script[] = "for word in uno dos tres; do exec 3<>tty; echo $word >&3;"
				     " read -r answer <&3; echo $answer; exec 3>&-; done";
	struct run r;

	RUN(&r, &rig, "sh", "-c", script);
	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(r.out, "onu\nsod\nsert\n");
	run_free(&r);
}
END_TEST

START_TEST(revc_speaks_it)
{
	struct run r;

	RUN(&r, &rig, "revc", "-e", "pty:@DIR@/tty", "hola", "mundo");
	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(r.out, "aloh\nodnum\n");
	run_free(&r);
	RUN(&r, &rig, "revc", "--timeout", "200ms", "-e", "pty:@DIR@/nix", "hola");
	ck_assert_int_eq(r.status, 69);
	ck_assert_ptr_nonnull(strstr(r.err, "there is no such terminal"));
	run_free(&r);
	RUN(&r, &rig, "revc", "--timeout", "200ms", "-e", "pty:@DIR@/revd.conf", "hola");
	ck_assert_int_eq(r.status, 69);
	ck_assert_ptr_nonnull(strstr(r.err, "this is not a terminal"));
	run_free(&r);
}
END_TEST

/* All at once, each with an answer of its own. */
START_TEST(forty_at_once)
{
	struct run r;

	RUN(&r, &rig, "sh", "-c",
		"for i in $(seq 10 49); do \"$REVC\" -e pty:tty \"a$i\" & done | sort | uniq | wc "
		"-l");
	ck_assert_int_eq(r.status, 0);
	ck_assert_msg(strcmp(r.out, "40\n") == 0, "%s%s", r.out, r.err);
	run_free(&r);
}
END_TEST

/* It is pushed back, cut off, and forgotten. */
START_TEST(much_written_and_never_read)
{
	static char text[1 << 20];
	char path[RIG_PATH];
	int fd = open(rig_path(&rig, "tty", path), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	size_t before = rig_memory(&rig), at = 0;

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = i % 3 == 2 ? '\n' : 'a';
	}
	while (at < sizeof(text)) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		ssize_t n = write(fd, text + at, sizeof(text) - at);

		at += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno != EAGAIN) {
			break; /* hung up */
		}
		ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
	}
	client_wait_stat(&rig, "endpoints.pty.slow_cut", 1);
	ck_assert_uint_lt(rig_memory(&rig), before + (8 << 20));
	close(fd);
	check_served();
	wait_nobody("endpoints.pty.peers");
}
END_TEST

START_TEST(clients_that_die)
{
	size_t fds = rig_fd_count(&rig);
	uint64_t until;

	for (int i = 0; i < 60; i++) {
		char path[RIG_PATH];
		struct pty_link *l = pty_link_open(rig_path(&rig, "tty", path));

		ck_assert_int_gt(write(l->fd, "hola\nque tal", (size_t)(i % 13)), -1);
		l->link.close(l);
	}
	check_served();
	wait_nobody("endpoints.pty.peers");
	until = wait_until(WAIT_MS);
	while (rig_fd_count(&rig) > fds) {
		ck_assert_msg(wait_left(until) > 0, "descriptors stay");
	}
}
END_TEST

START_TEST(the_name_comes_and_goes)
{
	struct run r;

	rig_reload(&rig);
	check_served();
	rig_signal(&rig, SIGKILL);
	(void)rig_wait_exit(&rig);
	ck_assert(rig_has(&rig, "tty.lock")); /* what a killed one leaves is taken over */
	rig_launch(&rig, NULL);
	check_served();
	RUN(&r, &rig, "revd", "-c", "@DIR@/revd.conf");
	ck_assert_int_ne(r.status, 0); /* a living one's is not */
	run_free(&r);
	check_served();
	rig_stop(&rig);
	ck_assert(!rig_has(&rig, "tty") && !rig_has(&rig, "tty.lock") &&
		  !rig_has(&rig, "fifo_twoway"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pty");
	TCase *t = stage_tcase("pty");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_client_of_one_fifo);
	tcase_add_test(t, a_client_that_leads_its_session);
	tcase_add_test(t, a_leader_that_lives_on);
	tcase_add_test(t, a_shell);
	tcase_add_test(t, revc_speaks_it);
	tcase_add_test(t, forty_at_once);
	tcase_add_test(t, much_written_and_never_read);
	tcase_add_test(t, clients_that_die);
	tcase_add_test(t, the_name_comes_and_goes);
	suite_add_tcase(suite, t);
	return stage_run(suite);
}
