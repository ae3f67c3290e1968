#include "mqueue/internal.h"

#include <stdlib.h>
#include <syslog.h>

/* All that had arrived is read and the kernel has all that was committed. */
void mqueue_check_drained(struct mqueue_instance *in)
{
	if (in->draining && !in->drained && in->left == 0 && in->n_unsent == 0) {
		in->drained = true;
		in->host->drained(in->handle);
	}
}

static void read_stop(struct mqueue_instance *in)
{
	event_del(&in->event);
}

/* Up to max messages, one behind the other. The number; -errno if there was none. */
static ssize_t receive(struct mqueue_instance *in, size_t max)
{
	size_t size = in->ep->in.message_size, at = 0, n = 0;

	while (n < max && at <= MQUEUE_CHUNK) {
		unsigned prio = 0;
		ssize_t k = mq_receive(in->ep->in.q, (char *)in->chunk + at, size, &prio);

		if (k < 0) {
			return n > 0 ? (ssize_t)n : -errno;
		}
		in->msgs[n++] =
			(struct rv_msg){.data = in->chunk + at, .len = (size_t)k, .tag = prio};
		at += (size_t)k;
	}
	return (ssize_t)n;
}

/* A queue does not tell how much it holds, and a call that finds nothing costs
 * as much as one that does. So we ask for one message while there is never more
 * than one, with a try for two now and then; once there were several, for all. */
static void adapt(struct mqueue_instance *in, size_t found)
{
	const size_t depth = in->ep->in.depth;

	if (found > 1) { /* more than a queueful would only fill up the reply queue */
		in->budget = depth < MQUEUE_BATCH ? (unsigned)depth : MQUEUE_BATCH;
		in->streak = 0;
	} else if (in->budget > 1) {
		in->budget = 1;
		in->streak = 0;
	} else if (++in->streak >= MQUEUE_STREAK) {
		in->budget = 2;
	}
}

static void count_down(struct mqueue_instance *in, size_t n)
{
	if (!in->draining) {
		return;
	}
	in->left -= n < in->left ? n : in->left;
	if (in->left == 0) {
		read_stop(in);
		mqueue_check_drained(in);
	}
}

static void on_request(int fd, short what, void *arg)
{
	struct mqueue_instance *in = arg;
	size_t want = in->budget;
	ssize_t n;

	(void)fd;
	(void)what;
	if (in->draining && in->left < want) {
		want = in->left; /* what comes later is not ours to answer */
	}
	n = receive(in, want);
	if (n < 0 && n != -EAGAIN && n != -EINTR) {
		in->host->log(in->handle, LOG_ERR, "%s: cannot receive: %s", in->ep->in.name,
			strerror((int)-n));
		in->host->dropped(in->handle, RV_DROP_IO, 1);
		read_stop(in);
		in->host->failed(in->handle, (int)n);
		return;
	}
	if (n <= 0) {
		return;
	}
	adapt(in, (size_t)n);
	in->turn++;
	if (in->host->messages(in->handle, in->source, in->msgs, (size_t)n) == RV_READ_STOP) {
		read_stop(in);
	}
	count_down(in, (size_t)n);
}

static int start(struct mqueue_instance *in)
{
	int r;

	in->chunk = malloc(MQUEUE_CHUNK + in->ep->in.message_size);
	if (!in->chunk) {
		return -ENOMEM;
	}
	r = mqueue_source_new(in);
	if (r < 0) {
		return r;
	}
	return event_add(&in->event, NULL) < 0 ? -ENOMEM : 0;
}

int mqueue_attach(void *block, void *ep, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	struct mqueue_instance *in = block;
	struct event_base *base = host->event_base(handle);
	int r;

	*in = (struct mqueue_instance){
		.ep = ep, .host = host, .handle = handle, .budget = 1, .attached = true};
	event_assign(&in->event, base, in->ep->in.q, EV_READ | EV_PERSIST, on_request, in);
	event_assign(&in->sweep, base, -1, 0, mqueue_on_sweep, in);
	r = start(in);
	if (r < 0) {
		rv_fail(e, r, "%s: cannot serve: %s", in->ep->in.name, strerror(-r));
		mqueue_detach(in);
		return r;
	}
	return 0;
}

void mqueue_drain(void *block)
{
	struct mqueue_instance *in = block;
	struct mq_attr attr;

	in->draining = true;
	mqueue_remove(&in->ep->out); /* another endpoint may want the names now */
	if (in->ep->adopted) {
		in->left = 0; /* whoever gave it to us keeps it open for the next revd */
	} else {
		mqueue_remove(&in->ep->in);
		in->left = mq_getattr(in->ep->in.q, &attr) < 0 ? 0 : (size_t)attr.mq_curmsgs;
	}
	if (in->left == 0) {
		read_stop(in);
	}
	mqueue_check_drained(in);
}

void mqueue_detach(void *block)
{
	struct mqueue_instance *in = block;

	if (!in->attached) {
		return;
	}
	in->drained = true; /* nobody asks any more */
	event_del(&in->event);
	while (in->replies.oldest) {
		mqueue_peer_end(CONTAINER_OF(in->replies.oldest, struct mqueue_peer, reply));
	}
	while (in->closing) {
		mqueue_peer_end(in->closing);
	}
	if (in->source) {
		mqueue_peer_end(in->source);
	}
	event_del(&in->sweep);
	replies_finish(&in->replies);
	free(in->chunk);
	free(in->room);
	*in = (struct mqueue_instance){0};
}

void mqueue_resume(void *block, void *peer)
{
	struct mqueue_instance *in = block;

	if (peer == in->source && (!in->draining || in->left > 0)) {
		/* The contract has no way to say that this failed but failed(). */
		if (event_add(&in->event, NULL) < 0) {
			in->host->failed(in->handle, -ENOMEM);
		}
	}
}
