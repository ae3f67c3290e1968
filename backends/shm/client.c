#include "shm/client.h"

#include <poll.h>
#include <revd/base/stream.h>
#include <sys/socket.h>
#include <syslog.h>

/* Bytes that are taken out at once: they stay in the cache, together with their replies. */
#define BITE ((size_t)32 << 10)

static struct shm_clients *all_of(const struct shm_client *p)
{
	return CONTAINER_OF(p->connection.all, struct shm_clients, connections);
}

static void heat(struct shm_client *p)
{
	struct shm_clients *all = all_of(p);

	if (!p->hot) {
		p->hot = true;
		all->n_hot++;
		TAILQ_INSERT_TAIL(&all->hot, p, link);
	}
}

static void cool(struct shm_client *p)
{
	struct shm_clients *all = all_of(p);

	if (p->hot) {
		p->hot = false;
		all->n_hot--;
		TAILQ_REMOVE(&all->hot, p, link);
	}
}

/* Neither can make us wait. A socket that is full of such bytes needs no more of them. */
static void wake(const struct shm_client *p, uint32_t *waits, uint32_t how)
{
	if (how == RV_RING_BY_FUTEX) {
		rv_ring_futex_wake(waits);
	} else if (how != RV_RING_AWAKE) {
		(void)rv_socket_send((void *)(uintptr_t)&p->connection, "", 1);
	}
}

/* It wrote what can't be: only its own connection is lost. */
static void end_hostile(struct shm_client *p, const char *what)
{
	const struct rv_writer *out = &p->connection.all->out;

	out->host->log(out->handle, LOG_INFO, "a client is cut off: %s", what);
	out->host->dropped(out->handle, RV_DROP_IO, 1);
	rv_connection_end(&p->connection);
}

/* struct rv_connection_ops. */

static bool input(struct rv_connection *c, bool sure)
{
	struct shm_client *p = (struct shm_client *)c;
	struct rv_ring *r = &p->memory.requests;
	ssize_t n = rv_ring_filled(r);

	(void)sure;
	if (n < 0) {
		end_hostile(p, "its position in the requests makes no sense");
		return false;
	}
	if (n == 0) {
		return rv_stream_took(c, p->finished ? 0 : -EAGAIN);
	}
	n = n < (ssize_t)BITE ? n : (ssize_t)BITE;
	rv_ring_get(r, c->all->buf, (size_t)n);
	wake(p, &r->shared->writer_waits, rv_ring_wake_writer(r));
	return rv_stream_took(c, n);
}

static ssize_t send_replies(void *client, const void *data, size_t n)
{
	struct shm_client *p = client;
	struct rv_ring *r = &p->memory.replies;
	ssize_t room = rv_ring_free(r);

	if (room < 0) {
		return room;
	}
	n = n < (size_t)room ? n : (size_t)room;
	if (n == 0) {
		return -EAGAIN;
	}
	rv_ring_put(r, data, n);
	wake(p, &r->shared->reader_waits, rv_ring_wake_reader(r));
	return (ssize_t)n;
}

static int watch(struct rv_connection *c, short what)
{
	struct shm_client *p = (struct shm_client *)c;

	p->waits = what;
	if (what) {
		heat(p);
	} else {
		cool(p);
	}
	return 0;
}

/* Who sleeps by descriptor sees the end of the socket, another is to look for it. */
static void wake_sleeper(const struct shm_memory *m)
{
	rv_ring_futex_wake(&m->replies.shared->reader_waits);
	rv_ring_futex_wake(&m->requests.shared->writer_waits);
}

static void close_client(struct rv_connection *c)
{
	struct shm_client *p = (struct shm_client *)c;

	cool(p);
	if (event_initialized(&p->wake)) {
		event_del(&p->wake);
		event_del(&c->event);
	}
	close(rv_connection_fd(c));
	if (p->memory.map) {
		wake_sleeper(&p->memory);
		shm_memory_finish(&p->memory);
	}
}

/* What of that which is waited for has come: EV_READ, EV_WRITE. A position that makes no
 * sense has, too: whoever looks will see. */
static short come(const struct shm_client *p)
{
	short what = 0;

	if (p->waits & EV_READ && (rv_ring_filled(&p->memory.requests) != 0 || p->finished)) {
		what |= EV_READ;
	}
	if (p->waits & EV_WRITE && rv_ring_may_go_on(&p->memory.replies)) {
		what |= EV_WRITE;
	}
	return what;
}

static bool look(struct shm_client *p)
{
	short what = come(p);

	if (what) {
		rv_connection_on_event(-1, what, &p->connection);
	}
	return what != 0;
}

static void want(const struct shm_client *p)
{
	if (p->waits & EV_READ) {
		rv_ring_want(&p->memory.requests.shared->reader_waits, RV_RING_BY_FD);
	}
	if (p->waits & EV_WRITE) {
		rv_ring_want(&p->memory.replies.shared->writer_waits, RV_RING_BY_FD);
	}
}

/* It is to wake us up from now on; false if there is something after all. */
static bool let_sleep(struct shm_client *p)
{
	want(p);
	if (!come(p)) {
		cool(p);
		return true;
	}
	rv_ring_want_not(&p->memory.requests.shared->reader_waits);
	rv_ring_want_not(&p->memory.replies.shared->writer_waits);
	return false;
}

enum rv_poll shm_clients_poll(void *instance, bool sleep)
{
	struct shm_clients *all = instance;
	enum rv_poll found = all->n_hot > 0 ? RV_POLL_NOTHING : RV_POLL_NOBODY;

	for (size_t n = all->n_hot; n > 0 && all->n_hot > 0; n--) {
		struct shm_client *p = TAILQ_FIRST(&all->hot);

		TAILQ_REMOVE(&all->hot, p, link);
		TAILQ_INSERT_TAIL(&all->hot, p, link);
		if (look(p) || (sleep && !let_sleep(p) && look(p))) {
			found = RV_POLL_SERVED;
		}
	}
	return found;
}

/* Events. */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct shm_client *p = arg;

	(void)fd;
	(void)what;
	if (p->waits) {
		heat(p);
		(void)look(p);
	}
}

static bool has_hung_up(int sock)
{
	struct pollfd p = {.fd = sock};

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

/* The socket carries nothing after the greeting: it tells that the client has finished
 * (half-closed it), or has left. */
static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct shm_client *p = arg;
	struct rv_connection *c = &p->connection;
	const struct rv_writer *out = &c->all->out;
	char byte;
	ssize_t n = rv_socket_recv(c, &byte, 1, 0);

	(void)what;
	if (n == -EAGAIN || n == -EINTR) {
		return;
	}
	if (n > 0) {
		end_hostile(p, "it writes to the socket");
		return;
	}
	if (n < 0 || has_hung_up(fd)) {
		out->host->dropped(out->handle, RV_DROP_PEER_GONE, n < 0);
		rv_connection_end(c);
		return;
	}
	p->finished = true;
	on_wake(fd, what, p);
}

/* Beginning. */

static int add_events(struct shm_client *p, int sock)
{
	const struct rv_writer *out = &p->connection.all->out;
	struct event_base *base = out->host->event_base(out->handle);

	event_assign(&p->connection.event, base, sock, EV_READ | EV_PERSIST | EV_ET, on_socket, p);
	event_assign(&p->wake, base, p->memory.wake, EV_READ | EV_PERSIST | EV_ET, on_wake, p);
	return event_add(&p->wake, NULL) < 0 || event_add(&p->connection.event, NULL) < 0 ? -ENOMEM
											  : 0;
}

void shm_client_start(struct shm_clients *all, int sock, const struct rv_peer_info *info)
{
	const struct rv_writer *out = &all->connections.out;
	struct rv_connection *c;
	struct shm_client *p;
	int r;

	if (rv_connection_new(&all->connections, sock, info, &c) < 0) {
		close(sock);
		return;
	}
	p = (struct shm_client *)c;
	r = shm_memory_make(&p->memory, all->ring_size, sock);
	r = r < 0 ? r : add_events(p, sock);
	if (r < 0) {
		out->host->log(
			out->handle, LOG_WARNING, "a client gets no memory: %s", strerror(-r));
		out->host->dropped(out->handle, RV_DROP_ACCEPT, 1);
		rv_connection_end(c);
	}
}

/* From one process to the next. */

void shm_client_hand_over(void *instance, void *peer, struct rv_handover *h)
{
	struct shm_client *p = peer;

	(void)instance;
	rv_connection_hand_over(&p->connection, h);
	rv_handover_fd(h, p->memory.fd);
	rv_handover_fd(h, p->memory.wake);
	rv_pack_u64(&h->data, p->memory.size);
	rv_pack_u64(&h->data, p->memory.requests.at);
	rv_pack_u64(&h->data, p->memory.replies.at);
	rv_pack_u64(&h->data, p->finished);
}

static int take_memory(struct shm_client *p, struct rv_takeover *t)
{
	int fd = rv_takeover_fd(t), wake = rv_takeover_fd(t);
	uint64_t size = rv_unpack_u64(&t->data), requests_at = rv_unpack_u64(&t->data);
	uint64_t replies_at = rv_unpack_u64(&t->data);

	p->finished = rv_unpack_u64(&t->data) != 0;
	t->data.failed |= size > RV_SHM_SIZE_MAX;
	return shm_memory_take(&p->memory, rv_unpack_ok(&t->data) ? (uint32_t)size : 0, fd, wake,
		(uint32_t)requests_at, (uint32_t)replies_at);
}

int shm_client_take_over(struct shm_clients *all, int sock, const struct rv_peer_info *info,
	struct rv_takeover *t, struct rv_connection **ret, bool *ret_closing)
{
	struct shm_client *p;
	int r = rv_connection_take_over(&all->connections, sock, info, t, ret, ret_closing);

	if (r < 0) {
		return r;
	}
	p = (struct shm_client *)*ret;
	r = take_memory(p, t);
	r = r < 0 ? r : add_events(p, sock);
	if (r < 0) {
		rv_connection_end(*ret);
	}
	return r;
}

int shm_clients_init(struct shm_clients *all, const struct rv_host *host,
	struct rv_instance *handle, uint32_t ring_size)
{
	static const struct rv_connection_ops ops = {
		.input = input, .send = send_replies, .close = close_client, .watch = watch};

	TAILQ_INIT(&all->hot);
	all->ring_size = ring_size;
	return rv_connections_init(&all->connections, host, handle, &ops, BITE);
}
