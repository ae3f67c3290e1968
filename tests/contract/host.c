#include "host.h"
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "builtin.h"
#include "common/late.h"
#include "common/nats_link.h"
#include "common/pty_link.h"
#include "common/shm_link.h"
#include "common/wait.h"
#include "server/registry.h"
#include "loopback/loopback.h"
#include "util/log.h"

#define MAX_BACKENDS 16

/* The service of tests/integration/late.c, linked in. */
extern const struct rv_service_ops revd_service;

/* The example of a transport out of the tree, linked in. */
extern const struct rv_backend_ops revd_backend;

/* The registry's table: the builtin ones and those that only a test can reach. */
static const struct rv_backend_ops *backends[MAX_BACKENDS];

static const struct rv_backend_ops *const *all_backends(void)
{
	size_t n = 0;

	while (backends_builtin[n]) {
		ck_assert_uint_lt(n + 3, MAX_BACKENDS);
		backends[n] = backends_builtin[n];
		n++;
	}
	backends[n] = &loopback_backend;
	backends[n + 1] = &revd_backend;
	return backends;
}

static const struct rv_service_ops *const services[] = {&revd_service, NULL};

static const struct {
	const char *keys;
	bool connection, stream;
} kinds[KINDS_ALL] = {
	[KIND_STREAM] = {"transport = uds\npath = @DIR@/it\n", true, true},
	[KIND_SEQPACKET] = {"transport = uds\ntype = seqpacket\npath = @DIR@/it\n", true, false},
	[KIND_SHM] = {"transport = shm\npath = @DIR@/it\nring_size = 64K\n", true, true},
	[KIND_FIFO] = {"transport = fifo\npath = @DIR@/it\n", false, true},
	[KIND_MQUEUE] = {"transport = mqueue\nqueue = @QUEUE@\nmessage_size = 1K\n", false, false},
	[KIND_LOOPBACK_STREAM] = {"transport = loopback\nname = it\n", true, true},
	[KIND_LOOPBACK_MESSAGE] = {"transport = loopback\nname = it\ntype = message\n", true,
		false},
	[KIND_TCP] = {"transport = tcp\n", true, true},
	[KIND_PTY] = {"transport = pty\npath = @DIR@/it\n", true, true},
	[KIND_NATS] = {"transport = nats\n", false, false},
};

bool kind_is_connection(enum kind kind)
{
	return kinds[kind].connection;
}

bool kind_is_one_client(enum kind kind)
{
	return kind_is_connection(kind) || kind == KIND_NATS;
}

bool kind_is_stream(enum kind kind)
{
	return kinds[kind].stream;
}

/* The core. */

static void on_drained(void *ctx, bool timed_out)
{
	struct host *h = ctx;

	h->drained = true;
	h->timed_out = timed_out;
	event_base_loopbreak(h->base);
}

static void on_ended(void *ctx, bool failed)
{
	(void)ctx;
	ck_assert_msg(!failed, "an endpoint failed");
}

static void on_changed(void *ctx)
{
	(void)ctx;
}

static int on_wish(void *ctx, struct rv_err *err)
{
	(void)ctx;
	snprintf(err->msg, sizeof(err->msg), "not here");
	return -ENOTSUP;
}

static const struct server_events events = {
	.drained = on_drained, .ended = on_ended, .reload = on_wish, .changed = on_changed};

static void write_config(const struct host *h, const struct host_keys *k)
{
	static const struct host_keys none;
	char *config, port[64] = "";

	k = k ? k : &none;
	if (h->kind == KIND_TCP) {
		snprintf(port, sizeof port, "port = %u\n", h->port);
	} else if (h->kind == KIND_NATS) {
		snprintf(
			port, sizeof port, "url = nats://127.0.0.1:%u\n", (unsigned)h->broker.port);
	}
	ck_assert_int_gt(asprintf(&config,
				 "[revd]\nworkers = %u\n%s%s[service.late]\n%s"
				 "[endpoint.ask]\ntransport = uds\npath = @DIR@/stream.sock\n"
				 "service = late\n"
				 "[endpoint.it]\nservice = late\n%s%s%s",
				 k->workers ? k->workers : 1, k->global ? k->global : "",
				 h->kind == KIND_NATS ? "plugin_dir = @DIR@/plugins\n" : "",
				 k->service ? k->service : "", kinds[h->kind].keys, port,
				 k->endpoint ? k->endpoint : ""),
		0);
	rig_write(&h->rig, "revd.conf", config);
	free(config);
}

static struct config *load_config(const struct host *h)
{
	const struct config_registry registry = registry_for_config(h->registry);
	struct config_errors errors = {0};
	struct config *config = NULL;
	char path[RIG_PATH];
	const struct config_source source = {
		.file = rig_path(&h->rig, "revd.conf", path), .runtime_dir = h->rig.dir};
	int r = config_load(&source, &registry, &config, &errors);

	ck_assert_msg(r == 0, "%s", errors.n ? errors.text[0] : strerror(-r));
	config_errors_finish(&errors);
	return config;
}

/* One that nobody has at the moment. */
static uint16_t free_port(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

void host_init(struct host *h, enum kind kind)
{
	memset(h, 0, sizeof *h);
	log_set_level(LOG_CRIT); /* what a test provokes is seen in the counters */
	rig_init(&h->rig);
	h->kind = kind;
	h->port = kind == KIND_TCP ? free_port() : 0;
	if (kind == KIND_NATS) {
		late_install(&h->rig, "plugins", getenv("REVD_TEST_NATS"));
		nats_broker_init(&h->broker, &h->rig);
		nats_broker_start(&h->broker, "");
	}
	ck_assert_int_eq(registry_create(all_backends(), services, NULL, &h->registry), 0);
}

void host_open(struct host *h, const struct host_keys *keys, int fd)
{
	const char *const name = "it";
	bool taken = false;
	const struct inherited_fds fds = {
		.n = fd >= 0, .fds = &fd, .names = &name, .taken = &taken};
	struct rv_err err = {""};

	write_config(h, keys);
	h->drained = h->timed_out = false;
	h->base = event_base_new();
	ck_assert_ptr_nonnull(h->base);
	ck_assert_int_eq(server_create(h->base, keys && keys->workers ? keys->workers : 1, &events,
				 h, &h->server),
		0);
	ck_assert_msg(server_open(h->server, load_config(h), &fds, &err) == 0, "%s", err.msg);
	ck_assert(taken == (fd >= 0));
}

void host_start(struct host *h, enum kind kind, const struct host_keys *keys)
{
	host_init(h, kind);
	host_open(h, keys, -1);
}

void host_reload(struct host *h, const struct host_keys *keys)
{
	struct rv_err err = {""};

	write_config(h, keys);
	ck_assert_msg(server_reload(h->server, load_config(h), &err) == 0, "%s", err.msg);
}

void host_wait_drained(struct host *h)
{
	int ms = wait_left(wait_until(WAIT_MS));
	const struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	event_base_loopexit(h->base, &tv);
	event_base_dispatch(h->base);
	ck_assert_msg(h->drained, "the drain does not end");
}

void host_close(struct host *h)
{
	server_destroy(h->server);
	event_base_free(h->base);
	h->server = NULL;
	h->base = NULL;
}

void host_finish(struct host *h)
{
	if (h->server) {
		host_close(h);
	}
	registry_destroy(h->registry);
	nats_broker_kill(&h->broker);
	rig_finish(&h->rig);
	libevent_global_shutdown();
}

/* Clients. */

static ssize_t link_send(void *ctx, const void *p, size_t n)
{
	return loopback_send(ctx, p, n, 0);
}

static ssize_t link_recv(void *ctx, void *p, size_t n)
{
	return loopback_recv(ctx, p, n, NULL);
}

static bool link_wait(void *ctx, bool for_send, int ms)
{
	return loopback_wait(ctx, for_send, ms) == 0;
}

static void link_half_close(void *ctx)
{
	loopback_shutdown(ctx);
}

static void link_close(void *ctx)
{
	loopback_close(ctx);
}

static void connect_loopback(struct host *h, struct client *c)
{
	struct client_link *link = &h->links[h->n_links++];
	struct loopback *conn = NULL;

	ck_assert_uint_le(h->n_links, HOST_LINKS);
	ck_assert_int_eq(loopback_connect("it", &conn), 0);
	*link = (struct client_link){.ctx = conn,
		.stream = kind_is_stream(h->kind),
		.send = link_send,
		.recv = link_recv,
		.wait = link_wait,
		.half_close = link_half_close,
		.close = link_close};
	client_open_link(c, link, link->stream ? 0 : 8192);
}

static void connect_tcp(const struct host *h, struct client *c)
{
	const struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons(h->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int small = 16 << 10; /* so that a slow reader is soon noticed */
	const int on = 1;           /* what is sent has arrived */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&sa, sizeof sa), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	client_open_fd(c, fd);
}

void host_connect(struct host *h, struct client *c)
{
	static const enum transport transports[] = {[KIND_STREAM] = STREAM,
		[KIND_SEQPACKET] = SEQPACKET,
		[KIND_FIFO] = FIFO,
		[KIND_MQUEUE] = MQUEUE};
	char path[RIG_PATH];

	if (h->kind == KIND_TCP) {
		connect_tcp(h, c);
		return;
	}
	if (h->kind == KIND_SHM) {
		client_open_link(c, &shm_link_open(rig_path(&h->rig, "it", path))->link, 0);
		return;
	}
	if (h->kind == KIND_PTY) {
		client_open_link(c, &pty_link_open(rig_path(&h->rig, "it", path))->link, 0);
		return;
	}
	if (h->kind == KIND_NATS) {
		client_open_link(c, nats_link_open(&h->broker, "revd.reverse"), 0);
		return;
	}
	if (h->kind >= KIND_LOOPBACK_STREAM) {
		connect_loopback(h, c);
		return;
	}
	client_open_at(c, transports[h->kind],
		h->kind == KIND_MQUEUE ? h->rig.queue : rig_path(&h->rig, "it", path));
}

/* What a supervisor hands over. */

static int make_socket(const struct host *h)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX,
		(h->kind == KIND_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int n = snprintf(sa.sun_path, sizeof sa.sun_path, "%s/it", h->rig.dir);

	ck_assert_int_lt(n, (int)sizeof sa.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	ck_assert_int_eq(listen(fd, 100), 0);
	return fd;
}

int host_make_fd(struct host *h)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 1024};
	char path[RIG_PATH];

	switch (h->kind) {
	case KIND_FIFO:
		ck_assert_int_eq(mkfifo(rig_path(&h->rig, "it", path), 0622), 0);
		return open(path, O_RDWR | O_CLOEXEC);
	case KIND_MQUEUE:
		return mq_open(h->rig.queue, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0622, &attr);
	default:
		return make_socket(h);
	}
}

bool host_has_name(const struct host *h)
{
	return h->kind == KIND_MQUEUE ? rig_has_queue(&h->rig, "") : rig_has(&h->rig, "it");
}

int64_t host_stat(const struct host *h, const char *key)
{
	char path[64];

	snprintf(path, sizeof path, "endpoints.it.%s", key);
	return client_stat(&h->rig, path);
}

void host_wait_stat(const struct host *h, const char *key, int64_t want)
{
	char path[64];

	snprintf(path, sizeof path, "endpoints.it.%s", key);
	client_wait_stat(&h->rig, path, want);
}
