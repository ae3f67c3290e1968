#include "bench/generator.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include "bench/loops.h"

#define INTERVAL_US 100000 /* of the timer, once a slice is late */

static void on_alarm(int sig)
{
	(void)sig; /* it has interrupted a call, which is all that it is for */
}

int generator_init(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};

	return sigaction(SIGALRM, &sa, NULL) < 0 ? -errno : 0;
}

static int run_loop(struct slice *s, struct rv_err *err)
{
	if (s->load->connect) {
		return loop_connect(s, err);
	}
	if (s->wait == BENCH_LIBRARY) {
		return loop_library(s, err);
	}
	if (s->load->rate > 0) {
		return loop_open(s, err);
	}
	if (s->load->clients > 1) {
		return loop_many(s, err);
	}
	return bench_load_may_block(s->load) ? loop_ping(s, err) : loop_window(s, err);
}

static void set_timer(long first_us, long interval_us)
{
	struct itimerval t = {
		.it_value = {.tv_sec = first_us / 1000000, .tv_usec = first_us % 1000000},
		.it_interval = {.tv_usec = interval_us},
	};

	setitimer(ITIMER_REAL, &t, NULL);
}

static const char *reason(int err)
{
	switch (err) {
	case -ETIMEDOUT:
		return "no reply any more";
	case -ECONNRESET:
	case -EPIPE:
		return "the server closed the connection";
	case -EBADMSG:
		return "more replies than requests";
	default:
		return strerror(-err);
	}
}

int generator_run(struct slice *s, uint64_t ns, struct rv_err *err)
{
	int r;

	err->msg[0] = '\0';
	s->start = clock_now();
	s->end = s->start + ns;
	s->deadline = s->end + GENERATOR_STALL_NS;
	s->requests = s->answered = 0;
	set_timer((long)((ns + GENERATOR_STALL_NS) / 1000), INTERVAL_US);
	r = run_loop(s, err);
	set_timer(0, 0);
	if (r < 0 && !err->msg[0]) {
		bench_fail(err, r, "%s", reason(r));
	}
	return r;
}
