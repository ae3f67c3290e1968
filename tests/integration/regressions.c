/* What a hostile review broke once, each as short as it can be told. Those with a
 * service that answers later are in regressions_late.c. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/exec.h"
#include "common/late.h"
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "util/fd.h"
#include "util/macro.h"

#define TINY                                                            \
	"[revd]\nmax_request = %s\n"                                    \
	"[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n" \
	"[endpoint.tiny]\ntransport = uds\npath = @DIR@/tiny.sock\n"

static void write_tiny(const struct rig *rig, const char *max_request)
{
	CLEANUP_FREE char *config = NULL;

	ck_assert_int_gt(asprintf(&config, TINY, max_request), 0);
	rig_write(rig, "revd.conf", config);
}

/* max_request falls below what a client has sent of a line already. */
START_TEST(limit_shrinks_under_half_a_line)
{
	enum { N = 500000 };
	CLEANUP_FREE char *half = malloc(N);
	char path[RIG_PATH];
	struct scene s;

	memset(half, 'a', N);
	rig_init(&s.rig);
	write_tiny(&s.rig, "1M");
	rig_launch(&s.rig, NULL);
	client_open_at(&s.client, STREAM, rig_path(&s.rig, "tiny.sock", path));
	client_send(&s.client, half, N);
	client_wait_stat(&s.rig, "endpoints.tiny.rx_bytes", N);
	write_tiny(&s.rig, "1K");
	rig_reload(&s.rig);
	client_send(&s.client, "b", 1);
	client_wait_stat(&s.rig, "endpoints.tiny.rx_bytes", N + 1);
	client_send_text(&s.client, "c");
	client_expect_nak(&s.client, "too-large", NULL);
	client_expect_text(&s.client, "hola", "aloh");
	scene_close(&s);
}
END_TEST

/* A client leaves while its long reply is cut into messages; the next one, which
 * gets its place, must get none of them. */
START_TEST(nothing_of_one_client_reaches_the_next)
{
	struct client gone;
	struct scene s;

	late_start(&s.rig, "workers = 1", "", "");
	for (int i = 0; i < 3; i++) {
		rig_signal(&s.rig, SIGSTOP);
		client_open(&gone, &s.rig, SEQPACKET);
		client_send_frame(&gone, RV_OP_CALL, 0, 1, "grow 700000", 11);
		client_close(&gone);
		rig_signal(&s.rig, SIGCONT);
		client_wait_stat(&s.rig, "endpoints.seqpacket.peers_total", 2 * i + 1);
		client_open(&s.client, &s.rig, SEQPACKET);
		client_expect_text(&s.client, "grow 3", "ggg");
		client_expect_call(&s.client, 2, "grow 4", "gggg");
		client_close(&s.client);
		client_wait_stat(&s.rig, "endpoints.seqpacket.peers_total", 2 * i + 2);
	}
	rig_finish(&s.rig);
}
END_TEST

/* Those who wait for replies are not idle, whoever holds them up: here the client
 * itself, which reads only after one that is idle has been cut off. */
START_TEST(idle_timeout_spares_who_waits)
{
	enum { LINE = 1000 };
	static char text[LINE + 1];
	struct client idle;
	struct scene s;
	struct reply r;
	size_t sent = 0, n;

	rig_start(&s.rig,
		"[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
		"idle_timeout = 300ms\n"
		"[endpoint.seqpacket]\ntransport = uds\npath = @DIR@/seqpacket.sock\n"
		"type = seqpacket\nidle_timeout = 300ms\n");
	client_open(&s.client, &s.rig, (enum transport)_i);
	memset(text, 'x', LINE);
	text[LINE - 1] = '\n';
	do {
		while ((n = (size_t)client_try_send(&s.client, text, LINE)) == LINE) {
			sent++;
		}
		snprintf(text + LINE - 1, 2, "\n");
	} while ((ssize_t)n < 0 && client_readable(&s.client) &&
		 client_stat(&s.rig, _i == STREAM ? "endpoints.stream.blocked"
						  : "endpoints.seqpacket.blocked") < 1);
	client_open(&idle, &s.rig, (enum transport)_i);
	client_expect_eof(&idle);
	client_close(&idle);
	for (size_t i = 0; i < sent; i++) {
		client_recv_line(&s.client, &r);
		ck_assert_uint_eq(r.n, LINE);
	}
	scene_close(&s);
}
END_TEST
