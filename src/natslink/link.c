/*
 * The connection, over libnats in a loop of our own: its thread for reading would cost
 * two wake-ups per round trip, and nothing here is done by any thread but the caller's.
 */
#include <errno.h>
#include <fcntl.h>
#include <nats/nats.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "natslink/echo.h"
#include "natslink/learnt.h"
#include "natslink/library.h"
#include "natslink/natslink.h"
#include "natslink/options.h"
#include "util/fd.h"
#include "util/macro.h"

#define UNSENT_MAX (1 << 20) /* bytes buffered before a flush is insisted on */
#define USED_MAX 64
#define USED_BYTES ((size_t)256 << 10)
/* A broker whose machine has gone sends no FIN: the kernel notices within so many seconds. */
#define GONE_S 5

struct natslink {
	natsConnection *nc;
	natsSubscription *sub;
	natsInbox *inbox;
	char *servers;           /* what learnt brokers are remembered for */
	natsMsg *used[USED_MAX]; /* handed over, to be freed */
	unsigned n_used;
	size_t used_bytes;
	int fd; /* a copy, until open() gives it away: libnats closes its own when it likes */
};

/* The loop of libnats is ours: we read and write when there is reason to. */

static void expect_peer(int fd)
{
	const int on = 1, idle = GONE_S, every = 1, tries = 3, unacked_ms = GONE_S * 1000;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
}

static natsStatus on_attach(void **data, void *loop, natsConnection *nc, natsSock fd)
{
	struct natslink *l = loop;

	(void)nc;
	expect_peer(fd);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	*data = l;
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return l->fd < 0 ? NATS_SYS_ERROR : NATS_OK;
}

static natsStatus on_interest(void *data, bool add)
{
	(void)data;
	(void)add;
	return NATS_OK;
}

static natsStatus on_detach(void *data)
{
	(void)data;
	return NATS_OK;
}

static natsStatus configure(natsOptions *opts, struct natslink *l)
{
	natsStatus s =
		natsOptions_SetEventLoop(opts, l, on_attach, on_interest, on_interest, on_detach);

	s = s != NATS_OK ? s : natsOptions_SetAllowReconnect(opts, false);
	/* else a thread would flush, woken by each request */
	s = s != NATS_OK ? s : natsOptions_SetSendAsap(opts, true);
	s = s != NATS_OK ? s : natsOptions_SetErrorHandler(opts, natslink_ignore_error, NULL);
	return s != NATS_OK ? s : natsOptions_SetName(opts, "revc");
}

static natsStatus subscribe(struct natslink *l)
{
	natsStatus s = natsInbox_Create(&l->inbox);

	s = s != NATS_OK ? s : natsConnection_SubscribeSync(&l->sub, l->nc, l->inbox);
	return s != NATS_OK ? s : natsSubscription_SetPendingLimits(l->sub, -1, -1);
}

static int connect_with(struct natslink *l, natsOptions *opts, char why[NATSLINK_WHY])
{
	natsStatus s = configure(opts, l);

	s = s != NATS_OK ? s : natsConnection_Connect(&l->nc, opts);
	s = s != NATS_OK ? s : subscribe(l);
	if (s == NATS_OK) {
		learnt_note(l->servers, l->nc);
	}
	return s == NATS_OK ? 0 : options_explain(s, why);
}

/* Freeing a message wakes a thread of libnats that does it, so it is done for many at once. */
static void free_used(struct natslink *l)
{
	while (l->n_used > 0) {
		natsMsg_Destroy(l->used[--l->n_used]);
	}
	l->used_bytes = 0;
}

static void link_close(struct natslink *l)
{
	if (!l) {
		return;
	}
	if (l->nc) {
		learnt_note(l->servers, l->nc);
	}
	free_used(l);
	/* in this order, or an UNSUB would have to be sent before it closes */
	natsConnection_Destroy(l->nc);
	natsSubscription_Destroy(l->sub);
	natsInbox_Destroy(l->inbox);
	fd_close(l->fd);
	free(l->servers);
	free(l);
	library_release();
}

static int link_open(const struct natslink_options *o, struct natslink **ret, int *ret_fd,
	char why[NATSLINK_WHY])
{
	struct natslink *l = calloc(1, sizeof(*l));
	natsOptions *opts = NULL;
	int r;

	if (!l) {
		return -ENOMEM;
	}
	l->fd = -1;
	r = library_use(why);
	if (r < 0) {
		free(l);
		return r;
	}
	r = options_make(o, &opts, &l->servers, why);
	r = r < 0 ? r : connect_with(l, opts, why);
	natsOptions_Destroy(opts);
	if (r < 0) {
		link_close(l);
		return r;
	}
	*ret = l;
	*ret_fd = TAKE_FD(l->fd);
	return 0;
}

static size_t link_payload_max(const struct natslink *l)
{
	int64_t n = natsConnection_GetMaxPayload(l->nc);

	return n > 0 ? (size_t)n : 0;
}

static int link_publish(struct natslink *l, const char *subject, const void *p, size_t n)
{
	natsStatus s;

	if (natsConnection_Buffered(l->nc) > UNSENT_MAX) {
		return -EAGAIN;
	}
	s = natsConnection_PublishRequest(l->nc, subject, l->inbox, p, (int)n);
	return s == NATS_OK            ? 0
	       : s == NATS_MAX_PAYLOAD ? -EMSGSIZE
	       : s == NATS_NO_MEMORY   ? -ENOMEM
				       : -ECONNRESET;
}

static int link_flush(struct natslink *l)
{
	if (natsConnection_Buffered(l->nc) > 0) {
		natsConnection_ProcessWriteEvent(l->nc);
	}
	return natsConnection_Buffered(l->nc) > 0 ? -EAGAIN : 0;
}

static void hand_over(struct natslink *l, natsMsg *msg, natslink_take *take, void *ctx)
{
	const struct natslink_message m = {
		.data = (const uint8_t *)natsMsg_GetData(msg),
		.n = (size_t)natsMsg_GetDataLength(msg),
	};

	take(ctx, &m);
	l->used[l->n_used++] = msg;
	l->used_bytes += m.n;
	if (l->n_used == USED_MAX || l->used_bytes > USED_BYTES) {
		free_used(l);
	}
}

/* One of those that have come. False: that was all. */
static bool take_next(struct natslink *l, natslink_take *take, void *ctx)
{
	const struct natslink_message nobody = {.no_responders = true};
	natsMsg *msg;
	natsStatus s = natsSubscription_NextMsg(&msg, l->sub, 0);

	if (s == NATS_OK) {
		hand_over(l, msg, take, ctx);
	} else if (s == NATS_NO_RESPONDERS) {
		take(ctx, &nobody);
	}
	return s == NATS_OK || s == NATS_NO_RESPONDERS;
}

static int link_receive(struct natslink *l, natslink_take *take, void *ctx)
{
	bool some = false;

	natsConnection_ProcessReadEvent(l->nc);
	while (take_next(l, take, ctx)) {
		some = true;
	}
	return some ? 0 : options_judge(l->nc);
}

__attribute__((visibility("default"))) const struct natslink_ops revd_natslink = {
	.abi = NATSLINK_ABI,
	.open = link_open,
	.close = link_close,
	.payload_max = link_payload_max,
	.publish = link_publish,
	.flush = link_flush,
	.receive = link_receive,
	.echo = echo_run,
};
