/*
 * cluster_load [--once] [--echo] URI NAME: asks until SIGTERM, checks each answer, and prints
 * what came of it as one object of JSON. --once: nothing is sent again. --echo: the service
 * answers with what was asked, instead of reversing it.
 */
#include "load.h"

#include <stdio.h>
#include <string.h>
#include "util/clock.h"
#include "util/json.h"
#include "util/macro.h"

volatile sig_atomic_t load_ends;

static void on_term(int sig)
{
	(void)sig;
	load_ends = 1;
}

size_t load_text(const struct load *l, uint64_t i, char buf[LOAD_TEXT])
{
	return (size_t)snprintf(buf, LOAD_TEXT, "%.20s-%llu", l->name, (unsigned long long)i);
}

static bool is_right(const struct load *l, uint64_t i, const char *data, size_t n)
{
	char text[LOAD_TEXT];
	size_t len = load_text(l, i, text);

	for (size_t k = 0; k < n && n == len; k++) {
		if (data[k] != text[l->reverse ? n - 1 - k : k]) {
			return false;
		}
	}
	return n == len;
}

void load_answer(struct load *l, uint64_t i, bool ok, const void *data, size_t n, uint64_t ns)
{
	uint64_t now = clock_now();

	l->answered++;
	l->refused += !ok;
	l->wrong += ok && !is_right(l, i, data, n);
	l->pause_ns = MAX(l->pause_ns, now - l->last_ns);
	l->last_ns = now;
	hist_add(&l->hist, ns, 1);
}

static void print(const struct load *l)
{
	struct json_writer j = {.file = stdout};

	json_write_object(&j, NULL);
	json_write_string(&j, "name", l->name);
	json_write_uint(&j, "sent", l->sent);
	json_write_uint(&j, "answered", l->answered);
	json_write_uint(&j, "lost", l->sent - l->answered);
	json_write_uint(&j, "wrong", l->wrong);
	json_write_uint(&j, "refused", l->refused);
	json_write_double(&j, "seconds", (double)(l->last_ns - l->began_ns) / 1e9, 3);
	json_write_double(&j, "pause_ms", (double)l->pause_ns / 1e6, 1);
	json_write_double(&j, "p50_ms", (double)hist_quantile(&l->hist, 0.5) / 1e6, 3);
	json_write_double(&j, "p99_ms", (double)hist_quantile(&l->hist, 0.99) / 1e6, 3);
	json_write_end(&j);
	(void)putchar('\n');
}

int main(int argc, char **argv)
{
	static struct load l = {.reverse = true};
	const struct sigaction sa = {.sa_handler = on_term};
	bool once = false;
	int at = 1, code;

	for (; at < argc && argv[at][0] == '-'; at++) {
		once |= strcmp(argv[at], "--once") == 0;
		l.reverse &= strcmp(argv[at], "--echo") != 0;
	}
	if (argc != at + 2) {
		(void)fputs("usage: cluster_load [--once] [--echo] URI NAME\n", stderr);
		return 64;
	}
	l.uri = argv[at];
	l.name = argv[at + 1];
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	l.began_ns = l.last_ns = clock_now();
	code = once ? load_once(&l) : load_as_revc(&l);
	print(&l);
	return code;
}
