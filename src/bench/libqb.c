#include "bench/libqb.h"

#include <errno.h>
#include <poll.h>
#include <qb/qbipcc.h>
#include <qb/qbipcs.h>
#include <qb/qbloop.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "util/clock.h"

#define RING ((size_t)256 << 10) /* as revd has them by default */
#define CONNECT_NS 5000000000u
#define RETRY_MS 5
#define WAIT_MS 100 /* then the deadline is looked at */

const char *libqb_missing(const struct bench_load *load)
{
	return load->clients > 1 || load->connect ? "one client alone" : NULL;
}

/* The server, in a child. */

static qb_loop_t *loop;

static int32_t on_accept(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
	(void)c;
	(void)uid;
	(void)gid;
	return 0;
}

static int32_t on_message(qb_ipcs_connection_t *c, void *data, size_t size)
{
	const struct qb_ipc_request_header *q = data;
	struct qb_ipc_response_header head = {.id = q->id};
	const struct iovec v[] = {
		{&head, sizeof(head)}, {(uint8_t *)data + sizeof(*q), size - sizeof(*q)}};
	ssize_t r;

	head.size = (int32_t)(sizeof(head) + size - sizeof(*q));
	do {
		r = qb_ipcs_response_sendv(c, v, 2);
	} while (r == -EAGAIN);
	return r < 0 ? (int32_t)r : 0;
}

static int32_t add_job(enum qb_loop_priority p, void *data, qb_loop_job_dispatch_fn fn)
{
	return qb_loop_job_add(loop, p, data, fn);
}

static int32_t add_fd(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
	qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_add(loop, p, fd, events, data, fn);
}

static int32_t modify_fd(enum qb_loop_priority p, int32_t fd, int32_t events, void *data,
	qb_ipcs_dispatch_fn_t fn)
{
	return qb_loop_poll_mod(loop, p, fd, events, data, fn);
}

static int32_t remove_fd(int32_t fd)
{
	return qb_loop_poll_del(loop, fd);
}

static int32_t on_term(int32_t sig, void *data)
{
	(void)sig;
	(void)data;
	qb_loop_stop(loop);
	return 0;
}

static void serve(void *arg)
{
	struct qb_ipcs_service_handlers handlers = {
		.connection_accept = on_accept, .msg_process = on_message};
	struct qb_ipcs_poll_handlers poll_handlers = {.job_add = add_job,
		.dispatch_add = add_fd,
		.dispatch_mod = modify_fd,
		.dispatch_del = remove_fd};
	qb_ipcs_service_t *s = qb_ipcs_create(arg, 0, QB_IPC_SHM, &handlers);

	loop = qb_loop_create();
	if (!s || !loop) {
		return;
	}
	qb_ipcs_poll_handlers_set(s, &poll_handlers);
	if (qb_loop_signal_add(loop, QB_LOOP_HIGH, SIGTERM, NULL, on_term, NULL) == 0 &&
		qb_ipcs_run(s) == 0) {
		qb_loop_run(loop);
	}
	qb_ipcs_destroy(s); /* with the files of its connections */
}

/* The client. */

static int qb_send(struct link *l)
{
	while (link_unsent(l)) {
		const struct script *w = &l->script;
		struct qb_ipc_request_header head = {
			.size = (int32_t)(sizeof(head) + w->tx_each)};
		const struct iovec v[] = {
			{&head, sizeof(head)}, {w->tx + l->at * w->tx_each, w->tx_each}};
		ssize_t r = qb_ipcc_sendv(l->library, v, 2);

		if (r < 0) {
			return r == -ETIMEDOUT ? -EAGAIN : (int)r;
		}
		l->sent++;
		l->at = l->at + 1 == w->n ? 0 : l->at + 1;
	}
	return 0;
}

/* One message, waiting so long. As link_ops.receive(). */
static int receive_one(struct link *l, int ms, struct rv_err *err)
{
	const size_t head = sizeof(struct qb_ipc_response_header);
	ssize_t n = qb_ipcc_recv(l->library, l->buf, l->buf_each, ms);

	if (n < 0) {
		return n == -ETIMEDOUT ? -EAGAIN : (int)n;
	}
	if ((size_t)n < head) {
		return -EBADMSG;
	}
	return script_check_message(&l->check, &l->script, l->buf + head, (size_t)n - head, err);
}

/* Only receiving waits for a reply. So what waiting found is counted with what is received
 * next. */
static int qb_wait(struct link *l, uint64_t until)
{
	uint64_t now = until ? clock_now() : 0;
	int ms = !until ? WAIT_MS : (int)MIN((until > now ? until - now : 0) / 1000000, WAIT_MS);
	int r = receive_one(l, link_unsent(l) ? 1 : ms, &l->waited_err);

	if (r > 0) {
		l->waited += r;
		return 0;
	}
	return r == -EAGAIN ? -EINTR : r;
}

static int qb_receive(struct link *l, struct rv_err *err)
{
	int done = l->waited, r;

	l->waited = 0;
	if (l->blocking) {
		r = receive_one(l, WAIT_MS, err);
		return r == -EAGAIN ? -EINTR : r;
	}
	for (unsigned i = 0; i < LINK_BATCH; i++) {
		r = receive_one(l, 0, err);
		if (r <= 0) {
			return r < 0 && r != -EAGAIN ? r : done > 0 ? done : -EAGAIN;
		}
		done += r;
	}
	return done;
}

static void qb_finish(struct link *l)
{
	if (l->library) {
		qb_ipcc_disconnect(l->library);
	}
	l->library = NULL;
}

static const struct link_ops link_libqb = {qb_send, qb_receive, qb_wait, qb_finish};

/* Waits until the server, which has just been started, takes the connection. */
static int connect_link(struct link *l, const char *name, size_t size)
{
	uint64_t end = clock_now() + CONNECT_NS;

	while (!(l->library = qb_ipcc_connect(name, size))) {
		if (clock_now() > end) {
			return -ETIMEDOUT;
		}
		(void)poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

int libqb_open(struct rig *s, const struct bench_load *load, struct rv_err *err)
{
	const struct script_shape shape = {.form = SCRIPT_BARE,
		.size = load->size,
		.in_flight = bench_load_in_flight(load)};
	size_t size = MAX(RING, 2 * load->size);
	char name[64];
	int r = rig_links(s, load, BENCH_SHM, size, err);
	struct link *l = s->target.links;

	if (r < 0) {
		return r;
	}
	l->ops = &link_libqb;
	l->bytes = false;
	snprintf(name, sizeof(name), "revbench-qb-%d-%p", (int)getpid(), (void *)l);
	r = script_init(&l->script, &shape);
	r = r < 0 ? r : proc_fork(&s->server, serve, name);
	r = r < 0 ? r : connect_link(l, name, size);
	return r < 0 ? bench_fail(err, r, "libqb: %s", strerror(-r)) : 0;
}
