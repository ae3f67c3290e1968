#include <revd/base/stream.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define DISCARD_READS 16 /* of input that nobody will serve */

static struct rv_stream *of(const struct rv_connection *c)
{
	return CONTAINER_OF(c, struct rv_stream, connection);
}

static struct rv_streams *all_of(const struct rv_stream *s)
{
	return CONTAINER_OF(s->connection.all, struct rv_streams, connections);
}

static struct rv_stream *of_out(struct rv_writer_peer *p)
{
	return CONTAINER_OF(p, struct rv_stream, out);
}

ssize_t rv_stream_read(struct rv_stream *s, void *p, size_t n)
{
	ssize_t k = read(rv_connection_fd(&s->connection), p, n);

	return k < 0 ? -errno : k;
}

ssize_t rv_stream_write(struct rv_stream *s, const void *p, size_t n)
{
	ssize_t k = write(rv_connection_fd(&s->connection), p, n);

	return k < 0 ? -errno : k;
}

/* Sockets. recv() and send() are cancellation points: with threads in the process,
 * glibc switches the cancellation type before and after each, which is 3 % of a round
 * trip on one core. The bare calls are not. */

ssize_t rv_stream_recv(struct rv_stream *s, void *p, size_t n)
{
	ssize_t k = syscall(
		SYS_recvfrom, rv_connection_fd(&s->connection), p, n, MSG_DONTWAIT, NULL, NULL);

	return k < 0 ? -errno : k;
}

ssize_t rv_stream_send(struct rv_stream *s, const void *p, size_t n)
{
	ssize_t k = syscall(SYS_sendto, rv_connection_fd(&s->connection), p, n,
		MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);

	return k < 0 ? -errno : k;
}

void rv_stream_shut(struct rv_stream *s)
{
	close(rv_connection_fd(&s->connection));
}

/* Input. */

static bool read_bytes(struct rv_connection *c, bool sure)
{
	struct rv_streams *all = all_of(of(c));
	ssize_t n = all->ops->read(of(c), all->buf, RV_STREAM_READ);

	(void)sure;
	if (n > 0) {
		rv_connection_took(c, c->all->host->bytes(c->all->handle, c, all->buf, (size_t)n,
					      (size_t)n < RV_STREAM_READ));
		return true;
	}
	if (n == 0) {
		c->ended = true;
		rv_connection_input_ended(c);
	} else {
		rv_connection_no_input(c, (int)-n);
	}
	return false;
}

void rv_stream_discard(struct rv_connection *c)
{
	struct rv_streams *all = all_of(of(c));

	for (int i = 0; i < DISCARD_READS; i++) {
		if (all->ops->read(of(c), all->buf, RV_STREAM_READ) <= 0) {
			return;
		}
	}
}

/* Output. */

static ssize_t send_bytes(struct rv_writer *w, struct rv_writer_peer *p, const void *data, size_t n)
{
	return CONTAINER_OF(w, struct rv_streams, writer)->ops->write(of_out(p), data, n);
}

static int watch(struct rv_writer *w, struct rv_writer_peer *p, bool on)
{
	(void)w;
	return rv_connection_want_write(&of_out(p)->connection, on);
}

static void sent(struct rv_writer *w, struct rv_writer_peer *p)
{
	(void)w;
	rv_connection_sent(&of_out(p)->connection);
}

static void broken(struct rv_writer *w, struct rv_writer_peer *p, int err)
{
	(void)w;
	(void)err;
	rv_connection_broken(&of_out(p)->connection);
}

static const struct rv_writer_ops writer_ops = {
	.offset = offsetof(struct rv_stream, out),
	.send = send_bytes,
	.watch = watch,
	.sent = sent,
	.broken = broken,
};

static void writable(struct rv_connection *c)
{
	rv_writer_writable(&all_of(of(c))->writer, &of(c)->out);
}

static bool is_unsent(const struct rv_connection *c)
{
	return rv_writer_unsent(&all_of(of(c))->writer, &of(c)->out);
}

static void flush(struct rv_connection *c)
{
	(void)rv_writer_flush(&all_of(of(c))->writer, &of(c)->out);
}

static void end(struct rv_connection *c)
{
	struct rv_streams *all = all_of(of(c));

	rv_writer_drop(&all->writer, &of(c)->out);
	if (all->ops->close) {
		all->ops->close(of(c));
	}
}

static int reserve(struct rv_connection *c, size_t min, struct rv_room *ret)
{
	return rv_writer_reserve(&all_of(of(c))->writer, &of(c)->out, min, ret);
}

static void commit(struct rv_connection *c, size_t used)
{
	rv_writer_commit(&all_of(of(c))->writer, &of(c)->out, used);
}

/* Beginning and end. */

int rv_streams_init(struct rv_streams *all, const struct rv_host *host, struct rv_instance *handle,
	const struct rv_stream_ops *ops)
{
	struct rv_connection_ops *c = &all->connection_ops;

	all->ops = ops;
	*c = ops->connection;
	c->read = read_bytes;
	c->writable = writable;
	c->is_unsent = is_unsent;
	c->reserve = reserve;
	c->commit = commit;
	c->flush = flush;
	c->end = end;
	rv_connections_init(&all->connections, host, handle, c);
	rv_writer_init(&all->writer, host, handle, &writer_ops);
	all->buf = malloc(RV_STREAM_READ);
	return all->buf ? 0 : -ENOMEM;
}

void rv_stream_start(struct rv_streams *all, int fd, const struct rv_peer_info *info)
{
	struct rv_connection *c;

	if (rv_connection_start(&all->connections, fd, info, &c) < 0) {
		close(fd);
	} else {
		rv_connection_read(c);
	}
}

void rv_streams_finish(void *instance)
{
	struct rv_streams *all = instance;

	rv_connections_detach(&all->connections);
	rv_writer_finish(&all->writer);
	free(all->buf);
	all->buf = NULL;
}
