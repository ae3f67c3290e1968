#include <revd/base/stream.h>

#include <sys/socket.h>
#include <sys/syscall.h>

#define DISCARD_READS 16 /* of input that nobody will serve */

static inline bool took(struct rv_connection *c, ssize_t n)
{
	const struct rv_writer *out = &c->all->out;

	if (n > 0) {
		rv_connection_took(c, out->host->bytes(out->handle, c, c->all->buf, (size_t)n,
					      (size_t)n < RV_STREAM_READ));
	} else if (n == 0) {
		rv_connection_input_over(c, true);
	} else {
		rv_connection_no_input(c, (int)-n);
	}
	return n > 0;
}

bool rv_stream_took(struct rv_connection *c, ssize_t n)
{
	return took(c, n);
}

/* recv() and send() are cancellation points: with threads in the process, glibc switches
 * the cancellation type before and after each, which is 3 % of a round trip on one core.
 * The bare calls are not. */

ssize_t rv_socket_recv(const struct rv_connection *c, void *p, size_t n, int flags)
{
	ssize_t k =
		syscall(SYS_recvfrom, rv_connection_fd(c), p, n, flags | MSG_DONTWAIT, NULL, NULL);

	return k < 0 ? -errno : k;
}

ssize_t rv_socket_send(void *connection, const void *p, size_t n)
{
	ssize_t k = syscall(SYS_sendto, rv_connection_fd(connection), p, n,
		MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);

	return k < 0 ? -errno : k;
}

bool rv_socket_input(struct rv_connection *c, bool sure)
{
	(void)sure;
	return took(c, rv_socket_recv(c, c->all->buf, RV_STREAM_READ, 0));
}

/* Unread input would make close() a reset for a client that has not read all. */
void rv_socket_close(struct rv_connection *c)
{
	bool unread = c->state == RV_CONNECTION_CLOSING && !c->ended;

	for (int i = 0; unread && i < DISCARD_READS; i++) {
		unread = rv_socket_recv(c, c->all->buf, RV_STREAM_READ, 0) > 0;
	}
	rv_connection_shut_down(c);
	close(rv_connection_fd(c));
}
