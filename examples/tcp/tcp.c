/*
 * A transport outside of revd's tree: TCP on the loopback interface, for clients that
 * have no Unix sockets. Nobody vouches for who calls, so it serves 127.0.0.1 alone.
 *
 * Build it with nothing but revd's installed headers and base, and name the directory
 * in `plugin_dir`; then there is `transport = tcp`, with the key `port`.
 *
 *	cc -D_GNU_SOURCE -shared -fPIC -O2 -o tcp.so tcp.c \
 *		$(pkg-config --cflags --libs revd-backend)
 *
 * All of a connection's life is in the base; keys and the listening socket are here.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <revd/base/acceptor.h>
#include <revd/base/stream.h>
#include <stdio.h>
#include <sys/socket.h>

struct config {
	uint64_t port;
};

struct endpoint {
	int fd; /* listening; owned; 0: closed (revd has seen to it that 0 is never free) */
};

struct instance {
	struct rv_connections connections;
	struct rv_acceptor acceptor;
	struct endpoint *ep;
};

static const int one = 1;

static const struct rv_option options[] = {
	{.key = "port",
		.def = "7007",
		.help = "the TCP port",
		.type = RV_UINT,
		.min = 1,
		.max = 65535,
		.offset = offsetof(struct config, port)},
	{0},
};

static void address(const void *config, char *buf, size_t size)
{
	snprintf(buf, size, "tcp:127.0.0.1:%u", (unsigned)((const struct config *)config)->port);
}

static int bind_to(int fd, uint64_t port)
{
	const struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0
		       ? -1
		       : bind(fd, (const struct sockaddr *)&sa, sizeof(sa));
}

static int open_endpoint(void *block, const struct rv_endpoint_info *info, const void *config,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	uint64_t port = ((const struct config *)config)->port;
	struct endpoint *ep = block;
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)info, (void)fds, (void)n_fds; /* no name to give a mode, nothing inherited */
	if (fd < 0 || bind_to(fd, port) < 0 || listen(fd, SOMAXCONN) < 0) {
		return rv_fail_errno(e, "port %u", (unsigned)port);
	}
	ep->fd = TAKE_FD(fd);
	return 0;
}

static void close_endpoint(void *block)
{
	struct endpoint *ep = block;

	if (ep->fd > 0) {
		fd_close_p(&ep->fd);
	}
}

static void start(void *ctx, int fd)
{
	const struct rv_peer_info info = {
		.flags = RV_PEER_STREAM, .uid = (uid_t)-1, .gid = (gid_t)-1};
	struct instance *in = ctx;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	rv_connection_start(&in->connections, fd, &info);
}

static void detach(void *block)
{
	struct instance *in = block;

	rv_connections_finish(in);
	rv_acceptor_finish(&in->acceptor);
}

static int attach(void *block, void *ep, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	static const struct rv_connection_ops ops = {RV_STREAM_SOCKET};
	struct instance *in = block;

	in->ep = ep;
	if (rv_connections_init(&in->connections, host, handle, &ops, RV_STREAM_READ) < 0 ||
		rv_acceptor_init(&in->acceptor, in->ep->fd, host, handle, start, in) < 0) {
		detach(in);
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	return 0;
}

static void drain(void *block)
{
	struct instance *in = block;

	rv_acceptor_drain(&in->acceptor);
	close_endpoint(in->ep);
	rv_connections_drain(&in->connections);
}

__attribute__((visibility("default"))) extern const struct rv_backend_ops revd_backend;

const struct rv_backend_ops revd_backend = {
	REVD_BACKEND_HEAD,
	.name = "tcp",
	.version = "1",
	.config_size = sizeof(struct config),
	.endpoint_size = sizeof(struct endpoint),
	.instance_size = sizeof(struct instance),
	.peer_size = sizeof(struct rv_connection),
	.options = options,
	.address = address,
	.open = open_endpoint,
	.close = close_endpoint,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	RV_CONNECTION_OPS,
};
