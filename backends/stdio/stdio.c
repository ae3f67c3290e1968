/* Standard input to standard output: the daemon as a filter in a pipeline, or under a
 * super-server. Other processes share these descriptors, so their flags are left alone:
 * neither is non-blocking. Reading happens when the loop says so, writing in pieces that
 * poll() says the kernel has room for. */
#include <event2/event.h>
#include <limits.h>
#include <poll.h>
#include <revd/base/stream.h>
#include <sys/epoll.h>
#include <sys/stat.h>

struct stdio_instance {
	struct rv_connections connections;
	struct event input, output;
	struct rv_connection *peer;
	bool polled;      /* standard input can be waited for; a file or /dev/null can't */
	bool out_is_file; /* regular: always room */
};

static struct stdio_instance *of(const struct rv_connection *c)
{
	return CONTAINER_OF(c->all, struct stdio_instance, connections);
}

static bool read_input(struct rv_connection *c, bool sure)
{
	struct stdio_instance *in = of(c);
	const struct timeval now = {0};
	ssize_t n = read(STDIN_FILENO, c->all->buf, RV_STREAM_READ);

	(void)sure;
	if (!in->polled) {
		event_add(&in->input, &now); /* once the loop has had its turn */
	}
	return rv_stream_took(c, n < 0 ? -errno : n);
}

/* A pipe that poll() calls writable takes PIPE_BUF bytes without blocking. */
static ssize_t write_output(void *connection, const void *p, size_t n)
{
	struct pollfd pfd = {.fd = STDOUT_FILENO, .events = POLLOUT};
	bool file = of(connection)->out_is_file;
	size_t done = 0;

	while (done < n && (file || poll(&pfd, 1, 0) == 1)) {
		size_t piece = file || n - done < PIPE_BUF ? n - done : PIPE_BUF;
		ssize_t k = write(STDOUT_FILENO, (const uint8_t *)p + done, piece);

		if (k < 0) {
			return done > 0 ? (ssize_t)done : -errno;
		}
		done += (size_t)k;
	}
	return done > 0 ? (ssize_t)done : -EAGAIN;
}

static int watch(struct rv_connection *c, short what)
{
	struct stdio_instance *in = of(c);
	const struct timeval now = {0};
	int r = what & EV_READ ? event_add(&in->input, in->polled ? NULL : &now)
			       : event_del(&in->input);

	if (r == 0) {
		r = what & EV_WRITE ? event_add(&in->output, NULL) : event_del(&in->output);
	}
	return r < 0 ? -EIO : 0;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct stdio_instance *in = arg;

	(void)fd;
	rv_connection_on_event(-1, what & EV_WRITE ? EV_WRITE : EV_READ, in->peer);
}

static void none_left(struct rv_connections *all)
{
	all->out.host->failed(all->out.handle, 0); /* the work is over */
}

/* epoll refuses files and some devices, like /dev/null; they are always ready. */
static bool can_poll(int fd)
{
	CLEANUP_FD int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN};

	return epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static int attach(void *block, void *ep, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	static const struct rv_connection_ops ops = {
		.input = read_input, .send = write_output, .watch = watch, .none_left = none_left};
	const struct rv_peer_info info = {
		.flags = RV_PEER_STREAM, .uid = getuid(), .gid = getgid()};
	struct event_base *base = host->event_base(handle);
	struct stdio_instance *in = block;
	struct stat st;

	(void)ep;
	in->polled = can_poll(STDIN_FILENO);
	in->out_is_file = fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	event_assign(&in->input, base, in->polled ? STDIN_FILENO : -1,
		in->polled ? EV_READ | EV_PERSIST : 0, on_event, in);
	event_assign(&in->output, base, STDOUT_FILENO, EV_WRITE | EV_PERSIST, on_event, in);
	if (rv_connections_init(&in->connections, host, handle, &ops, RV_STREAM_READ) < 0 ||
		rv_connection_new(&in->connections, -1, &info, &in->peer) < 0) {
		rv_connections_finish(in);
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	return 0;
}

/* Not read on: that might wait for ever. */
static void drain(void *block)
{
	struct stdio_instance *in = block;
	struct rv_connections *all = block;

	all->draining = true;
	if (all->n == 0) {
		all->out.host->drained(all->out.handle);
	} else {
		rv_connection_input_over(in->peer, false);
	}
}

const struct rv_backend_ops stdio_backend = {
	REVD_BACKEND_HEAD,
	.name = "stdio",
	.version = REVD_VERSION,
	.instance_size = sizeof(struct stdio_instance),
	.peer_size = sizeof(struct rv_connection),
	.attach = attach,
	.drain = drain,
	.detach = rv_connections_finish,
	RV_CONNECTION_OPS,
};
