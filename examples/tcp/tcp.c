/*
 * A transport outside of revd's tree: TCP on the loopback interface, for clients that
 * have no Unix sockets (another operating system's, in a virtual machine or a container).
 * Nobody vouches for who calls, so it serves nobody else: address is 127.0.0.1 or ::1.
 *
 *	[endpoint.tcp]
 *	transport = tcp
 *	port = 7007
 *
 * Build it with nothing but revd's installed headers and base, and name the directory
 * in `plugin_dir`:
 *
 *	cc -D_GNU_SOURCE -shared -fPIC -O2 -o tcp.so tcp.c \
 *		$(pkg-config --cflags --libs revd-backend)
 *
 * All of a connection's life is in the base. What is left is here: keys, the listening
 * socket, and how a connection is read, written and closed, which is as any socket is.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <revd/base/acceptor.h>
#include <revd/base/stream.h>
#include <stdio.h>
#include <sys/socket.h>

enum address { IPV4, IPV6 };

struct config {
	int address; /* enum address */
	uint64_t port;
};

struct endpoint {
	int fd; /* listening; owned */
	bool is_open;
};

struct instance {
	struct rv_connections connections;
	struct rv_acceptor acceptor;
	struct endpoint *ep;
};

static const char *const addresses[] = {"127.0.0.1", "::1", NULL};

static const struct rv_option options[] = {
	{.key = "address",
		.def = "127.0.0.1",
		.help = "where to listen",
		.type = RV_ENUM,
		.choices = addresses,
		.offset = offsetof(struct config, address)},
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
	const struct config *c = config;

	snprintf(buf, size, c->address == IPV4 ? "tcp:%s:%u" : "tcp:[%s]:%u", addresses[c->address],
		(unsigned)c->port);
}

static int bind_to(int fd, const struct config *c)
{
	const struct sockaddr_in v4 = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)c->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)c->port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0) {
		return -1;
	}
	return c->address == IPV4 ? bind(fd, (const struct sockaddr *)&v4, sizeof(v4))
				  : bind(fd, (const struct sockaddr *)&v6, sizeof(v6));
}

static int open_endpoint(void *block, const struct rv_endpoint_info *info, const void *config,
	const int *fds, size_t n_fds, struct rv_err *e)
{
	const struct config *c = config;
	struct endpoint *ep = block;
	CLEANUP_FD int fd = socket(c->address == IPV4 ? AF_INET : AF_INET6,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)info;
	(void)fds; /* without RV_CAP_ADOPT_FD there are none */
	(void)n_fds;
	if (fd < 0 || bind_to(fd, c) < 0 || listen(fd, SOMAXCONN) < 0) {
		return rv_fail_errno(e, "port %u", (unsigned)c->port);
	}
	ep->fd = TAKE_FD(fd);
	ep->is_open = true;
	return 0;
}

static void close_endpoint(void *block)
{
	struct endpoint *ep = block;

	if (ep->is_open) {
		fd_close_p(&ep->fd);
	}
	ep->is_open = false;
}

static void start(void *ctx, int fd)
{
	const struct rv_peer_info info = {
		.flags = RV_PEER_STREAM, .uid = (uid_t)-1, .gid = (gid_t)-1};
	struct instance *in = ctx;
	const int one = 1;

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
