#include "nats/connection.h"

#include <stdio.h>
#include <syslog.h>
#include "nats/input.h"
#include "nats/services.h"
#include "nats/subscription.h"

#define LOOK_SECONDS 20

static void look_later(struct nats_instance *in)
{
	const struct timeval tv = {.tv_sec = LOOK_SECONDS};

	event_add(&in->look, &tv);
}

/* A broker that has sent something is there. */
static void on_look(int fd, short what, void *arg)
{
	struct nats_instance *in = arg;

	(void)fd;
	(void)what;
	if (!in->heard && !in->asked) {
		in->asked = true;
		nats_link_ask(in->link, in->nc);
	}
	in->heard = false;
	look_later(in);
}

static void lost(struct nats_instance *, const char *why);

/* The library has closed it, and knows why. */
static void closed(struct nats_instance *in)
{
	const char *why = NULL;
	natsStatus s = natsConnection_GetLastError(in->nc, &why);
	char sentence[256];

	if (s == NATS_OK || s == NATS_CONNECTION_CLOSED) {
		lost(in, "the broker has closed the connection");
		return;
	}
	snprintf(sentence, sizeof(sentence), "the connection is lost: %s",
		why && *why ? why : natsStatus_GetText(s));
	lost(in, sentence);
}

/* Tells the host once all that was read is answered, and written. */
static void check_drained(struct nats_instance *in)
{
	if (in->draining && !in->drained && in->read_all && in->emptied && !in->serving &&
		in->out.pending == 0) {
		in->drained = true;
		in->host->drained(in->handle);
	}
}

static void on_noted(int fd, short what, void *arg)
{
	struct nats_instance *in = arg;

	(void)fd;
	(void)what;
	if (in->nc && nats_link_is_closed(in->link)) {
		closed(in);
	}
	check_drained(in);
}

/* Serves what was read, and sends what came of it. */
static void serve(struct nats_instance *in)
{
	nats_serve(in);
	nats_services_answer(in);
	if (in->out.pending > 0 && !in->out.full) {
		nats_publish_now(in);
	}
	on_noted(-1, 0, in);
}

static void on_input(int fd, short what, void *arg)
{
	struct nats_instance *in = arg;

	(void)fd;
	(void)what;
	in->heard = true;
	natsConnection_ProcessReadEvent(in->nc);
	serve(in);
}

static void on_again(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	serve(arg);
}

static void set_ready(struct nats_instance *in, bool ready)
{
	if (in->ready != ready) {
		__atomic_add_fetch(&in->ep->ready, ready ? 1u : -1u, __ATOMIC_RELAXED);
	}
	in->ready = ready;
}

static void end_idle(void *peer, void *arg)
{
	struct nats_peer *p = peer;

	if (!p->source && p->in->host->peer_idle(p->in->handle, p)) {
		nats_peer_end(p);
	}
	(void)arg;
}

/* Peers know how large a message may be. */
static void set_max_payload(struct nats_instance *in)
{
	int64_t most = natsConnection_GetMaxPayload(in->nc);
	size_t n = most > 0 ? (size_t)most : 1u << 20;

	if (n != in->max_payload) {
		in->max_payload = n;
		in->host->each_peer(in->handle, end_idle, NULL);
	}
}

static void begin_to_serve(struct nats_instance *in)
{
	natsStatus s = nats_subscribe(in);

	if (s != NATS_OK) {
		lost(in, natsStatus_GetText(s));
		return;
	}
	look_later(in);
	in->asked = true;
	nats_link_ask(in->link, in->nc); /* answered once we are subscribed */
}

/* One that comes while we leave is for the answers that wait for it. */
static void connected(struct nats_instance *in)
{
	struct event_base *base = in->host->event_base(in->handle);
	int fd;

	in->nc = nats_link_take(in->link, &fd);
	event_assign(&in->input, base, fd, EV_READ | EV_PERSIST, on_input, in);
	nats_publish_watch(in, fd);
	set_max_payload(in);
	if (event_add(&in->input, NULL) < 0) {
		lost(in, "no memory");
	} else if (!in->draining) {
		begin_to_serve(in);
	}
	nats_publish_kept(in);
}

static void lost(struct nats_instance *in, const char *why)
{
	natsConnection *nc = in->nc;

	if (!nc) {
		return;
	}
	in->nc = NULL;
	in->asked = false;
	event_del(&in->input);
	event_del(&in->look);
	set_ready(in, false);
	nats_unsubscribe(in);
	nats_publish_lost(in);
	nats_link_drop(in->link, nc);
	if (in->draining || !in->attached) {
		in->host->log(in->handle, LOG_NOTICE, "the broker is gone before the end: %s", why);
		in->read_all = in->emptied = true; /* nothing more can come */
		return;
	}
	in->host->down(in->handle, why);
	nats_link_connect(in->link);
}

static void subscribed(struct nats_instance *in)
{
	const char *why = "";

	if (nats_is_refused(in, &why)) {
		in->host->down(in->handle, why);
	} else if (!in->ready) {
		set_ready(in, true);
		in->host->up(in->handle);
	}
}

/* The broker has done all that it was told, and has sent what it had for us. */
static void answered(struct nats_instance *in)
{
	if (!in->unsubscribed) {
		subscribed(in);
		return;
	}
	in->read_all = true;
	serve(in);
}

void nats_connection_unsubscribe(struct nats_instance *in)
{
	in->unsubscribed = true;
	if (!in->nc) {
		in->read_all = in->emptied = true;
		check_drained(in);
		return;
	}
	nats_services_unsubscribe(&in->services);
	natsSubscription_Drain(in->sub); /* what it has sent still comes */
	in->asked = true;
	nats_link_ask(in->link, in->nc);
	nats_publish_now(in);
}

static void complain(struct nats_instance *in, const char *why)
{
	char quoted[RV_QUOTE_SIZE];

	in->host->log(in->handle, LOG_INFO, "the broker says: %s",
		rv_quote(why, strlen(why), quoted, sizeof(quoted)));
}

void nats_connection_news(void *block, const struct nats_link_news *news)
{
	struct nats_instance *in = block;

	if (news->events & NATS_LINK_ERROR && in->nc) {
		complain(in, news->why);
	}
	if (news->events & NATS_LINK_ANSWER && in->asked) {
		in->asked = false;
		answered(in);
	}
	if (news->events & NATS_LINK_SILENCE && in->asked) {
		lost(in, "the broker does not answer");
	}
	if (news->events & NATS_LINK_DOWN && !in->draining) {
		in->host->down(in->handle, news->why);
	}
	if (news->events & NATS_LINK_UP && !in->nc) {
		connected(in);
	}
	if (news->events & NATS_LINK_WRITE) {
		nats_publish_now(in);
	}
	check_drained(in);
}

void nats_connection_finish(struct nats_instance *in)
{
	natsConnection *nc = in->nc;

	event_del(&in->leave);
	event_del(&in->look);
	event_del(&in->again);
	if (nc) {
		nats_publish_now(in); /* perhaps the socket takes the last of it now */
	}
	if (in->nc) {
		event_del(&in->input);
		nats_unsubscribe(in);
	}
	set_ready(in, false);
	nats_publish_lost(in);
	nats_link_leave(in->link, in->nc);
	in->nc = NULL;
	in->link = NULL;
}

void nats_connection_init(struct nats_instance *in)
{
	struct event_base *base = in->host->event_base(in->handle);

	event_assign(&in->look, base, -1, 0, on_look, in);
	event_assign(&in->again, base, -1, 0, on_again, in);
	nats_publish_init(in, on_noted);
	nats_services_init(&in->services);
}
