/*
 * nats_responder URL SUBJECT: what serves a subject in the place of revd, in the queue group
 * revd, with the faults of a cluster. It answers the frames of a CALL with their text, PING too,
 * and plain requests with what they are.
 * The text may ask for a fault: "lose ..." is not answered when it comes for the first time,
 * "twice ..." is answered twice, "never ..." never. Prints "ready" when it is.
 */
#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <revd/wire.h>

#define LOST_MAX 4096

struct responder {
	natsConnection *nc;
	uint64_t lost[LOST_MAX]; /* ids of requests that were lost once */
	size_t n_lost;
};

static bool is(const struct rv_frame *f, const uint8_t *text, const char *word)
{
	size_t n = strlen(word);

	return f->code == RV_OP_CALL && f->length >= n && memcmp(text, word, n) == 0;
}

static bool was_lost(struct responder *r, uint64_t id)
{
	for (size_t i = 0; i < r->n_lost; i++) {
		if (r->lost[i] == id) {
			return true;
		}
	}
	if (r->n_lost < LOST_MAX) {
		r->lost[r->n_lost++] = id;
	}
	return false;
}

static void answer(
	struct responder *r, const char *reply, const struct rv_frame *f, const uint8_t *text)
{
	uint8_t *p = malloc(RV_FRAME_HEADER + f->length);

	if (!p) {
		abort();
	}
	rv_reply_store(p, RV_STATUS_OK, 0, f->length, f->id);
	memcpy(p + RV_FRAME_HEADER, text, f->length);
	natsConnection_Publish(r->nc, reply, p, (int)(RV_FRAME_HEADER + f->length));
	free(p);
}

static void on_frame(
	struct responder *r, const char *reply, const struct rv_frame *f, const uint8_t *text)
{
	if (is(f, text, "never ") || (is(f, text, "lose ") && !was_lost(r, f->id))) {
		return;
	}
	answer(r, reply, f, text);
	if (is(f, text, "twice ")) {
		answer(r, reply, f, text);
	}
}

static bool take_frames(struct responder *r, const char *reply, const uint8_t *p, size_t n)
{
	struct rv_frame f;
	size_t at = 0;

	while (n - at >= RV_FRAME_HEADER && p[at] == RV_FRAME_MAGIC) {
		rv_frame_load(p + at, &f);
		if (f.length > n - at - RV_FRAME_HEADER) {
			break;
		}
		on_frame(r, reply, &f, p + at + RV_FRAME_HEADER);
		at += RV_FRAME_HEADER + f.length;
	}
	return at > 0;
}

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
	const char *reply = natsMsg_GetReply(msg), *p = natsMsg_GetData(msg);
	int n = natsMsg_GetDataLength(msg);

	(void)sub;
	if (reply && !take_frames(ctx, reply, (const uint8_t *)p, (size_t)n)) {
		natsConnection_Publish(nc, reply, p, n);
	}
	natsMsg_Destroy(msg);
}

static void must(natsStatus s, const char *what)
{
	if (s != NATS_OK) {
		fprintf(stderr, "nats_responder: %s: %s\n", what, natsStatus_GetText(s));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static struct responder r;
	natsOptions *opts;
	natsSubscription *sub;

	if (argc != 3) {
		return 64;
	}
	must(natsOptions_Create(&opts), "options");
	must(natsOptions_SetURL(opts, argv[1]), argv[1]);
	must(natsOptions_SetSendAsap(opts, true), "options");
	must(natsConnection_Connect(&r.nc, opts), argv[1]);
	must(natsConnection_QueueSubscribe(&sub, r.nc, argv[2], "revd", on_message, &r), argv[2]);
	must(natsConnection_Flush(r.nc), argv[1]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		pause();
	}
}
