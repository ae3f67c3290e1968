#include "bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_MAX 32768u

static const char *const transport_names[] = {
	"uds stream", "uds seqpacket", "shm", "fifo", "mqueue", "nats"};
static const char *const transport_keys[] = {
	"stream", "seqpacket", "shm", "fifo", "mqueue", "nats"};
static const char *const regime_names[] = {"split", "same", "free"};
static const char *const regime_texts[] = {
	"client and server on a core each", "client and server on one core", "not pinned"};
static const char *const side_names[] = {
	[BENCH_FLOOR] = "floor",
	[BENCH_EPOLL] = "epoll",
	[BENCH_LIBEVENT] = "libevent",
	[BENCH_REVD] = "revd",
	[BENCH_REDIS_ECHO] = "redis ECHO",
	[BENCH_REDIS_EVAL] = "redis EVAL",
	[BENCH_MEMCACHED] = "memcached get",
	[BENCH_LIBQB] = "libqb shm",
};

_Static_assert(ARRAY_SIZE(transport_names) == BENCH_TRANSPORTS, "a name each");
_Static_assert(ARRAY_SIZE(transport_keys) == BENCH_TRANSPORTS, "a key each");
_Static_assert(ARRAY_SIZE(regime_names) == BENCH_REGIMES, "a name each");
_Static_assert(ARRAY_SIZE(regime_texts) == BENCH_REGIMES, "a text each");
_Static_assert(ARRAY_SIZE(side_names) == BENCH_SIDES, "a name each");

const char *bench_transport_name(enum bench_transport t)
{
	return transport_names[t];
}

const char *bench_transport_key(enum bench_transport t)
{
	return transport_keys[t];
}

bool bench_transport_parse(const char *s, enum bench_transport *ret)
{
	for (size_t i = 0; i < BENCH_TRANSPORTS; i++) {
		if (strcmp(s, transport_keys[i]) == 0) {
			*ret = (enum bench_transport)i;
			return true;
		}
	}
	return false;
}

const char *bench_side_name(enum bench_side s)
{
	return side_names[s];
}

const char *bench_regime_name(enum bench_regime r)
{
	return regime_names[r];
}

const char *bench_regime_text(enum bench_regime r)
{
	return regime_texts[r];
}

int bench_socket_type(enum bench_transport t)
{
	return t == BENCH_STREAM || t == BENCH_SHM ? SOCK_STREAM
	       : t == BENCH_SEQPACKET              ? SOCK_SEQPACKET
						   : 0;
}

static void put_size(size_t n, char *buf, size_t size)
{
	if (n >= 1024 && n % 1024 == 0) {
		snprintf(buf, size, "%zu KiB", n / 1024);
	} else {
		snprintf(buf, size, "%zu B", n);
	}
}

char *bench_load_text(const struct bench_load *l, char *buf, size_t size)
{
	char bytes[32];

	put_size(l->size, bytes, sizeof(bytes));
	if (l->connect) {
		snprintf(buf, size, "%s, a connection per request", bytes);
	} else if (l->rate > 0) {
		snprintf(buf, size, "%s, %.0f requests/s at fixed times", bytes, l->rate);
	} else if (l->clients > 1) {
		snprintf(buf, size, "%s, %u clients x %u in flight", bytes, l->clients, l->window);
	} else {
		snprintf(buf, size, "%s, %u in flight", bytes, l->window);
	}
	return buf;
}

char *bench_number(double v, char buf[16])
{
	static const char *const units[] = {"", " k", " M", " G"};
	size_t u = 0;

	while (v >= 999.5 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1000;
		u++;
	}
	snprintf(buf, 16, "%.*f%s",
		v >= 99.95 || (u == 0 && v >= 10) ? 0
		: v >= 9.995                      ? 1
						  : 2,
		v, units[u]);
	return buf;
}

unsigned bench_load_in_flight(const struct bench_load *l)
{
	return l->rate > 0 ? BENCH_OPEN_MAX : l->window;
}

bool bench_load_may_block(const struct bench_load *l)
{
	return l->clients == 1 && l->window == 1 && !(l->rate > 0) && l->size <= BLOCK_MAX;
}

struct bench_queue bench_queue(const struct bench_load *l)
{
	if (l->clients == 1) {
		return (struct bench_queue){.depth = 10, .message = 8192};
	}
	return (struct bench_queue){.depth = l->window == 1    ? 2
					     : l->clients > 10 ? 4
							       : 10,
		.message = 2048};
}

int bench_fail(struct rv_err *e, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return err;
}
