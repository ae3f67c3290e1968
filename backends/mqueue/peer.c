#include "mqueue/internal.h"

#include <stdlib.h>
#include <syslog.h>

struct mqueue_unsent {
	size_t len;
	uint32_t tag;
	char data[];
};

static void unsent_free(struct mqueue_peer *p)
{
	if (p->unsent) {
		free(p->unsent);
		p->unsent = NULL;
		p->in->n_unsent--;
	}
}

static int send_now(struct mqueue_peer *p, const void *data, size_t n, uint32_t tag)
{
	while (mq_send(p->q, data, n, tag) < 0) {
		if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int keep(struct mqueue_peer *p, const void *data, size_t n, uint32_t tag)
{
	struct mqueue_unsent *u = malloc(sizeof(*u) + n);

	if (!u) {
		return -ENOMEM;
	}
	u->len = n;
	u->tag = tag;
	memcpy(u->data, data, n);
	p->unsent = u;
	p->in->n_unsent++;
	return event_add(&p->event, NULL) < 0 ? -ENOMEM : 0;
}

static void forget(struct mqueue_peer *p)
{
	struct mqueue_peer **at = &p->in->closing;

	if (!p->closing) {
		replies_remove(&p->in->replies, &p->reply);
		return;
	}
	while (*at != p) {
		at = &(*at)->next_closing;
	}
	*at = p->next_closing;
}

void mqueue_peer_end(struct mqueue_peer *p)
{
	struct mqueue_instance *in = p->in;

	event_del(&p->event);
	unsent_free(p);
	if (in->writing == p) {
		in->writing = NULL;
	}
	if (p->source) {
		in->source = NULL;
	} else {
		forget(p);
		mq_close(p->q);
	}
	in->host->peer_gone(in->handle, p);
	mqueue_check_drained(in);
}

/* Nobody has emptied NAME.out for slow_timeout: what is in it answers questions
 * of long ago. It goes, so that the next to receive finds the answers of its time. */
static void discard_out(struct mqueue_instance *in)
{
	struct mq_attr attr;

	if (mq_getattr(in->ep->out.q, &attr) < 0 ||
		(size_t)attr.mq_msgsize > MQUEUE_CHUNK + in->ep->in.message_size) {
		return;
	}
	for (long i = 0; i < attr.mq_maxmsg; i++) {
		if (mq_receive(in->ep->out.q, (char *)in->chunk, (size_t)attr.mq_msgsize, NULL) <
			0) {
			return;
		}
	}
}

/* The request queue serves on: another source takes the place of this one. */
static void source_renew(struct mqueue_peer *p)
{
	struct mqueue_instance *in = p->in;
	int r;

	discard_out(in);
	mqueue_peer_end(p);
	r = mqueue_source_new(in);
	if (r == 0 && (!in->draining || in->left > 0)) {
		r = event_add(&in->event, NULL) < 0 ? -ENOMEM : 0;
	}
	if (r < 0) {
		in->host->failed(in->handle, r);
	}
}

static void broken(struct mqueue_peer *p, int err)
{
	struct mqueue_instance *in = p->in;

	in->host->dropped(in->handle, RV_DROP_IO, 1);
	in->host->log(in->handle, LOG_WARNING, "a reply cannot be sent: %s", mqueue_strerror(err));
	if (p->source) {
		source_renew(p);
	} else {
		mqueue_peer_end(p);
	}
}

static void on_writable(int fd, short what, void *arg)
{
	struct mqueue_peer *p = arg;
	struct mqueue_instance *in = p->in;
	int r = send_now(p, p->unsent->data, p->unsent->len, p->unsent->tag);

	(void)fd;
	(void)what;
	if (r == -EAGAIN) {
		return; /* another sender was faster */
	}
	if (r < 0) {
		broken(p, r);
		return;
	}
	unsent_free(p);
	event_del(&p->event);
	if (p->closing) {
		mqueue_peer_end(p);
		return;
	}
	in->host->writable(in->handle, p);
	mqueue_check_drained(in);
}

int mqueue_peer_new(struct mqueue_instance *in, mqd_t q, size_t message_size, bool source,
	struct mqueue_peer **ret)
{
	struct rv_peer_info info = {
		.flags = source ? RV_PEER_SHARED : RV_PEER_REPLY_ONLY,
		.max_message = message_size,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
	};
	struct mqueue_peer *p;
	void *block;
	int r = in->host->peer_new(in->handle, &info, &block);

	if (r < 0) {
		return r;
	}
	p = block;
	p->in = in;
	p->q = q;
	p->source = source;
	p->message_size = message_size;
	event_assign(&p->event, in->host->event_base(in->handle), q, EV_WRITE | EV_PERSIST,
		on_writable, p);
	*ret = p;
	return 0;
}

int mqueue_source_new(struct mqueue_instance *in)
{
	return mqueue_peer_new(in, in->ep->out.q, in->ep->out.message_size, true, &in->source);
}

void mqueue_peer_close(void *block, void *peer, enum rv_close how)
{
	struct mqueue_instance *in = block;
	struct mqueue_peer *p = peer;

	if (p->source) {
		source_renew(p);
	} else if (how == RV_CLOSE_FLUSH && p->unsent) {
		if (!p->closing) {
			replies_remove(&in->replies, &p->reply);
			p->closing = true;
			p->next_closing = in->closing;
			in->closing = p;
		}
	} else {
		mqueue_peer_end(p);
	}
}

int mqueue_reserve(void *block, void *peer, size_t min, struct rv_room *ret)
{
	struct mqueue_instance *in = block;
	struct mqueue_peer *p = peer;
	uint8_t *room;

	if (p->unsent) {
		return -EAGAIN;
	}
	if (min > p->message_size) {
		return -EMSGSIZE;
	}
	if (in->room_size < p->message_size) {
		room = realloc(in->room, p->message_size);
		if (!room) {
			return -ENOMEM;
		}
		in->room = room;
		in->room_size = p->message_size;
	}
	in->writing = p;
	ret->data = in->room;
	ret->size = p->message_size;
	return 0;
}

void mqueue_commit(void *block, void *peer, size_t used, uint32_t tag)
{
	struct mqueue_instance *in = block;
	struct mqueue_peer *p = peer;
	int r;

	if (in->writing != p) {
		return; /* it ended since it reserved */
	}
	in->writing = NULL;
	if (used == RV_COMMIT_NONE) {
		return;
	}
	r = send_now(p, in->room, used, tag);
	if (r == -EAGAIN) {
		r = keep(p, in->room, used, tag);
	}
	if (r < 0) {
		broken(p, r);
	} else if (p->unsent) {
		in->host->blocked(in->handle, p);
	}
}

/* Messages go one by one, at commit; there is nothing to gather. */
void mqueue_flush(void *block, void *peer)
{
	(void)block;
	(void)peer;
}
