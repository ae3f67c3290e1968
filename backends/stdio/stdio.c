/*
 * Standard input to standard output: the daemon as a filter in a pipeline, or
 * under a super-server. One peer, so its reads and writes may block: reading
 * happens when the loop says so, writing waits for whoever reads. Descriptor
 * flags are left alone: other processes share them.
 */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/macro.h"

#define BUF ((size_t)64 << 10)

struct stdio_config {
	int unused;
};

struct stdio_instance {
	const struct rv_host *host;
	struct rv_instance *handle;
	struct event *input;
	bool always_ready; /* a regular file, which epoll does not take */
	bool reading, draining;
	void *peer; /* NULL: gone */
	uint8_t *in, *out;
	size_t out_size, out_used;
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
	in->reading = on && in->peer;
	if (!in->always_ready) {
		(void)(in->reading ? event_add(in->input, NULL) : event_del(in->input));
	} else if (in->reading) {
		event_active(in->input, EV_READ, 0);
	}
}

/* Writes everything out. 0 or -errno. */
static int write_out(struct stdio_instance *in)
{
	size_t at = 0;

	while (at < in->out_used) {
		ssize_t k = write(STDOUT_FILENO, in->out + at, in->out_used - at);

		if (k >= 0) {
			at += (size_t)k;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

			(void)poll(&p, 1, -1);
		} else if (errno != EINTR) {
			in->out_used = 0;
			return -errno;
		}
	}
	in->out_used = 0;
	return 0;
}

static void end(struct stdio_instance *in)
{
	void *peer = in->peer;

	if (!peer) {
		return;
	}
	want_input(in, false);
	in->peer = NULL;
	in->reading = false;
	in->host->peer_gone(in->handle, peer);
	if (in->draining) {
		in->host->drained(in->handle);
	} else {
		in->host->failed(in->handle, 0); /* the work is over */
	}
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct stdio_instance *in = arg;
	ssize_t n;

	(void)what;
	if (!in->reading) {
		return;
	}
	n = read(fd, in->in, BUF);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		want_input(in, true);
		return;
	}
	if (n <= 0) {
		want_input(in, false);
		in->host->eof(in->handle, in->peer);
		return;
	}
	if (in->host->bytes(in->handle, in->peer, in->in, (size_t)n, true) != RV_READ_ON) {
		want_input(in, false);
	} else if (in->always_ready) {
		event_active(in->input, EV_READ, 0);
	}
}

static void detach(void *block)
{
	struct stdio_instance *in = block;

	if (in->peer) {
		in->host->peer_gone(in->handle, in->peer);
	}
	if (in->input) {
		event_free(in->input);
	}
	free(in->in);
	free(in->out);
	*in = (struct stdio_instance){0};
}

static int attach(void *block, void *ep, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	struct stdio_instance *in = block;
	const struct rv_peer_info info = {
		.flags = RV_PEER_STREAM, .uid = getuid(), .gid = getgid()};
	struct stat st;

	(void)ep;
	in->host = host;
	in->handle = handle;
	in->in = malloc(BUF);
	in->out = malloc(BUF);
	in->out_size = BUF;
	in->input = event_new(
		host->event_base(handle), STDIN_FILENO, EV_READ | EV_PERSIST, on_input, in);
	if (!in->in || !in->out || !in->input || host->peer_new(handle, &info, &in->peer) < 0) {
		detach(in);
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	in->always_ready = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	want_input(in, true);
	return 0;
}

static void drain(void *block)
{
	struct stdio_instance *in = block;

	in->draining = true;
	if (!in->peer) {
		in->host->drained(in->handle);
		return;
	}
	want_input(in, false);
	in->host->eof(in->handle, in->peer);
}

static void resume(void *block, void *peer)
{
	(void)peer;
	want_input(block, true);
}

static void peer_close(void *block, void *peer, enum rv_close how)
{
	struct stdio_instance *in = block;

	(void)peer;
	if (how == RV_CLOSE_FLUSH) {
		(void)write_out(in);
	}
	end(in);
}

static int reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct stdio_instance *in = block;
	uint8_t *p;

	(void)peer;
	if (in->out_size - in->out_used < min && write_out(in) < 0) {
		return -EPIPE;
	}
	if (in->out_size < min) {
		p = realloc(in->out, min);
		if (!p) {
			return -ENOMEM;
		}
		in->out = p;
		in->out_size = min;
	}
	ret->data = in->out + in->out_used;
	ret->size = in->out_size - in->out_used;
	return 0;
}

static void commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct stdio_instance *in = block;

	(void)peer;
	(void)tag;
	in->out_used += used == RV_COMMIT_NONE ? 0 : used;
}

static void flush(void *block, void *peer)
{
	struct stdio_instance *in = block;

	(void)peer;
	if (write_out(in) < 0) {
		end(in);
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
