/*
 * Standard input to standard output: the daemon as a filter in a pipeline, or
 * under a super-server. Other processes share these descriptors, so their flags
 * are left alone: neither is non-blocking. Reading happens when the loop says
 * so, writing in pieces that poll() says the kernel has room for.
 */
#include <event2/event.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include "common/macro.h"
#include "common/out.h"

#define BUF ((size_t)64 << 10)

struct stdio_config {
	int unused;
};

struct stdio_peer {
	struct out_peer out;
};

struct stdio_instance {
	const struct rv_host *host;
	struct rv_instance *handle;
	struct event *input, *output;
	bool polled; /* standard input can be waited for; a file or /dev/null can't */
	bool reading, draining, closing;
	bool out_is_file;        /* regular: always room */
	struct stdio_peer *peer; /* NULL: gone */
	struct out out;
	uint8_t *in;
};

static const struct rv_option options[] = {{0}};

static int check(const void *cfg, struct rv_err *e)
{
	(void)cfg;
	(void)e;
	return 0;
}

static void address(const void *cfg, char *buf, size_t size)
{
	(void)cfg;
	snprintf(buf, size, "stdio:");
}

static int open_(void *ep, const struct rv_endpoint_info *info, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *e)
{
	(void)ep;
	(void)info;
	(void)cfg;
	(void)fds;
	(void)n_fds;
	(void)e;
	return 0;
}

static int reconfigure(
	void *ep, const struct rv_endpoint_info *info, const void *cfg, struct rv_err *e)
{
	(void)ep;
	(void)info;
	(void)cfg;
	(void)e;
	return 0;
}

static void close_(void *ep)
{
	(void)ep;
}

static void want_input(struct stdio_instance *in, bool on)
{
	const struct timeval now = {0};

	in->reading = on && in->peer && !in->closing;
	if (!in->reading) {
		event_del(in->input);
	} else {
		/* a timer of no time lets the loop have its turn between two reads */
		event_add(in->input, in->polled ? NULL : &now);
	}
}

static void end(struct stdio_instance *in)
{
	struct stdio_peer *p = in->peer;

	if (!p) {
		return;
	}
	in->peer = NULL;
	want_input(in, false);
	event_del(in->output);
	out_drop(&in->out, &p->out);
	in->host->peer_gone(in->handle, p);
	if (in->draining) {
		in->host->drained(in->handle);
	} else {
		in->host->failed(in->handle, 0); /* the work is over */
	}
}

/* Input. */

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct stdio_instance *in = arg;
	ssize_t n;

	(void)fd;
	(void)what;
	if (!in->reading) {
		return;
	}
	n = read(STDIN_FILENO, in->in, BUF);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		want_input(in, true);
	} else if (n <= 0) {
		want_input(in, false);
		in->host->eof(in->handle, in->peer);
	} else {
		want_input(in, in->host->bytes(in->handle, in->peer, in->in, (size_t)n, true) ==
				       RV_READ_ON);
	}
}

static void resume(void *block, void *peer)
{
	(void)peer;
	want_input(block, true);
}

/* Output. */

static struct stdio_instance *of(struct out *o)
{
	return CONTAINER_OF(o, struct stdio_instance, out);
}

/* A pipe that poll() calls writable takes PIPE_BUF bytes without blocking. */
static ssize_t send_some(struct out *o, struct out_peer *p, const void *data, size_t n)
{
	struct pollfd pfd = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t done = 0;
	ssize_t k = 0;

	(void)p;
	if (of(o)->out_is_file) {
		k = write(STDOUT_FILENO, data, n);
		return k < 0 ? -errno : k;
	}
	while (done < n && poll(&pfd, 1, 0) == 1) {
		k = write(STDOUT_FILENO, (const uint8_t *)data + done,
			n - done < PIPE_BUF ? n - done : PIPE_BUF);
		if (k < 0) {
			break;
		}
		done += (size_t)k;
	}
	if (done > 0) {
		return (ssize_t)done;
	}
	return k < 0 ? -errno : -EAGAIN;
}

static int watch(struct out *o, struct out_peer *p, bool on)
{
	struct stdio_instance *in = of(o);

	(void)p;
	if (on) {
		return event_add(in->output, NULL) < 0 ? -EIO : 0;
	}
	event_del(in->output);
	return 0;
}

static void sent(struct out *o, struct out_peer *p)
{
	struct stdio_instance *in = of(o);

	(void)p;
	if (in->closing) {
		end(in);
	} else {
		in->host->writable(in->handle, in->peer);
	}
}

static void broken(struct out *o, struct out_peer *p, int err)
{
	(void)p;
	(void)err;
	end(of(o));
}

static const struct out_ops out_ops = {
	.offset = offsetof(struct stdio_peer, out),
	.send = send_some,
	.watch = watch,
	.sent = sent,
	.broken = broken,
};

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct stdio_instance *in = arg;

	(void)fd;
	(void)what;
	if (in->peer) {
		out_writable(&in->out, &in->peer->out);
	}
}

static void peer_close(void *block, void *peer, enum rv_close how)
{
	struct stdio_instance *in = block;
	struct stdio_peer *p = peer;

	if (how == RV_CLOSE_FLUSH && out_flush(&in->out, &p->out) == -EAGAIN) {
		in->closing = true;
		want_input(in, false);
	} else {
		end(in);
	}
}

static int reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct stdio_instance *in = block;
	struct stdio_peer *p = peer;

	return out_reserve(&in->out, &p->out, min, ret);
}

static void commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct stdio_instance *in = block;
	struct stdio_peer *p = peer;

	(void)tag;
	out_commit(&in->out, &p->out, used);
}

static void flush(void *block, void *peer)
{
	struct stdio_instance *in = block;
	struct stdio_peer *p = peer;

	(void)out_flush(&in->out, &p->out);
}

/* Beginning and end. */

static void detach(void *block)
{
	struct stdio_instance *in = block;
	struct stdio_peer *p = in->peer;

	if (p) {
		in->peer = NULL;
		out_drop(&in->out, &p->out);
		in->host->peer_gone(in->handle, p);
	}
	if (in->input) {
		event_free(in->input);
	}
	if (in->output) {
		event_free(in->output);
	}
	out_finish(&in->out);
	free(in->in);
	*in = (struct stdio_instance){0};
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
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
	struct stdio_instance *in = block;
	const struct rv_peer_info info = {
		.flags = RV_PEER_STREAM, .uid = getuid(), .gid = getgid()};
	struct event_base *base = host->event_base(handle);
	void *peer = NULL;

	(void)ep;
	in->host = host;
	in->handle = handle;
	out_init(&in->out, host, handle, &out_ops);
	in->polled = can_poll(STDIN_FILENO);
	in->out_is_file = is_regular(STDOUT_FILENO);
	in->in = malloc(BUF);
	in->input = event_new(base, in->polled ? STDIN_FILENO : -1,
		in->polled ? EV_READ | EV_PERSIST : 0, on_input, in);
	in->output = event_new(base, STDOUT_FILENO, EV_WRITE | EV_PERSIST, on_output, in);
	if (!in->in || !in->input || !in->output || host->peer_new(handle, &info, &peer) < 0) {
		detach(in);
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	in->peer = peer;
	want_input(in, true);
	return 0;
}

static void drain(void *block)
{
	struct stdio_instance *in = block;

	in->draining = true;
	if (!in->peer) {
		in->host->drained(in->handle);
	} else if (!in->closing) {
		want_input(in, false);
		in->host->eof(in->handle, in->peer);
	}
}

const struct rv_backend_ops stdio_backend = {
	.magic = REVD_BACKEND_MAGIC,
	.abi = REVD_BACKEND_ABI,
	.size = sizeof(struct rv_backend_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "stdio",
	.version = REVD_VERSION,
	.config_size = sizeof(struct stdio_config),
	.instance_size = sizeof(struct stdio_instance),
	.peer_size = sizeof(struct stdio_peer),
	.options = options,
	.check = check,
	.address = address,
	.open = open_,
	.reconfigure = reconfigure,
	.close = close_,
	.attach = attach,
	.drain = drain,
	.detach = detach,
	.resume = resume,
	.peer_close = peer_close,
	.reserve = reserve,
	.commit = commit,
	.flush = flush,
};
