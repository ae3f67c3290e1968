#include "nats/services.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define NAME "revd"
#define TYPE "io.nats.micro.v1."
#define MANY 64 /* questions answered in a turn */

static const char *const verbs[] = {"PING", "INFO", "STATS"};

/* Whose instance it is: a process may have several, and a cluster many of either. */
static json_t *make_metadata(const struct nats_instance *in)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return json_pack(
		"{s:s, s:s, s:s}", "endpoint", in->ep->name, "host", in->services.host, "pid", pid);
}

static json_t *make_ping(const struct nats_instance *in)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", TYPE "ping_response", "name", NAME,
		"id", in->services.id, "version", REVD_VERSION, "metadata", make_metadata(in));
}

static json_t *make_info(const struct nats_instance *in)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:[{s:s, s:s, s:s, s:{}}]}", "type",
		TYPE "info_response", "name", NAME, "id", in->services.id, "version", REVD_VERSION,
		"description", "one service on every local transport, and here", "metadata",
		make_metadata(in), "endpoints", "name", in->ep->name, "subject", in->ep->subject,
		"queue_group", in->ep->queue, "metadata");
}

static json_t *make_stats(const struct nats_instance *in)
{
	struct rv_totals n = {0};

	in->host->totals(in->handle, &n);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:[{s:s, s:s, s:s, s:I, s:I, s:s, "
			 "s:I, s:I}]}",
		"type", TYPE "stats_response", "name", NAME, "id", in->services.id, "version",
		REVD_VERSION, "started", in->services.started, "metadata", make_metadata(in),
		"endpoints", "name", in->ep->name, "subject", in->ep->subject, "queue_group",
		in->ep->queue, "num_requests", (json_int_t)n.requests, "num_errors",
		(json_int_t)n.errors, "last_error", in->services.last_error, "processing_time",
		(json_int_t)n.ns, "average_processing_time",
		(json_int_t)(n.timed ? n.ns / n.timed : 0));
}

static json_t *(*const makers[])(const struct nats_instance *) = {make_ping, make_info, make_stats};

/* Where the question of verb v goes that is for all (0), a name (1), or one of them (2). */
static void write_subject(
	const struct nats_services *s, unsigned v, unsigned whom, char *buf, size_t size)
{
	snprintf(buf, size, "$SRV.%s%s%s%s", verbs[v], whom > 0 ? "." NAME : "",
		whom > 1 ? "." : "", whom > 1 ? s->id : "");
}

natsStatus nats_services_subscribe(struct nats_instance *in)
{
	struct nats_services *s = &in->services;
	natsStatus r = NATS_OK;
	char subject[80];

	for (unsigned i = 0; r == NATS_OK && i < NATS_QUESTIONS; i++) {
		write_subject(s, i / 3, i % 3, subject, sizeof(subject));
		r = natsConnection_SubscribeSync(&s->subs[i], in->nc, subject);
	}
	return r;
}

void nats_services_unsubscribe(struct nats_services *s)
{
	for (unsigned i = 0; i < NATS_QUESTIONS; i++) {
		natsSubscription_Destroy(s->subs[i]);
		s->subs[i] = NULL;
	}
}

static void answer(struct nats_instance *in, natsMsg *m, unsigned verb)
{
	const char *to = natsMsg_GetReply(m);
	json_t *j;
	char *text;

	if (!to || !nats_subject_is_plain(to, strlen(to)) || strcmp(to, in->ep->subject) == 0) {
		return;
	}
	j = makers[verb](in);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (text) {
		nats_publish(in, to, text, strlen(text));
	}
	free(text);
	json_decref(j);
}

/* An answer may find that the broker has gone, and then there are no subscriptions. */
void nats_services_answer(struct nats_instance *in)
{
	natsMsg *m;

	for (unsigned i = 0; i < NATS_QUESTIONS; i++) {
		for (unsigned k = 0;
			k < MANY && in->services.subs[i] &&
			natsSubscription_NextMsg(&m, in->services.subs[i], 0) == NATS_OK;
			k++) {
			answer(in, m, i / 3);
			natsMsg_Destroy(m);
		}
	}
}

static void find_host(char *buf, size_t size)
{
	memset(buf, 0, size);
	if (gethostname(buf, size - 1) < 0) {
		buf[0] = '\0';
	}
	for (char *c = buf; *c; c++) {
		*c = *c > ' ' && *c < 0x7f ? *c : '?'; /* JSON takes text alone */
	}
}

void nats_services_init(struct nats_services *s)
{
	static const char hex[] = "0123456789ABCDEF";
	time_t now = time(NULL);
	struct tm tm;
	uint8_t raw[16];

	if (getrandom(raw, sizeof(raw), GRND_NONBLOCK) < 0) {
		snprintf((char *)raw, sizeof(raw), "%lx", (unsigned long)now);
	}
	for (size_t i = 0; i < sizeof(raw); i++) {
		s->id[2 * i] = hex[raw[i] >> 4];
		s->id[2 * i + 1] = hex[raw[i] & 15];
	}
	find_host(s->host, sizeof(s->host));
	strftime(s->started, sizeof(s->started), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}
