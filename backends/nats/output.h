/*
 * Replies on their way to the broker. What a service writes goes into an arena; frames for
 * one peer share a message as far as the broker takes it; and what is published waits in
 * the library's buffer, which a turn writes once.
 *
 * What is published while there is no broker waits, too. All that waits is bounded by
 * max_pending; more is dropped and counted.
 */
#pragma once

#include <event2/event_struct.h>
#include <nats/nats.h>
#include <revd/base/util.h>

#define NATS_PLAIN 1u /* rv_msg.tag of a request that is a text and no frame */

struct nats_instance;
struct nats_peer;

struct nats_output {
	uint8_t *mem;
	size_t size;
	struct nats_peer *owner; /* whose frames are in mem, from first to end */
	size_t first, end;
	struct event flush, room; /* at the end of the turn; the socket takes more */
	size_t pending;           /* bytes that wait for the broker */
	uint64_t n_pending;       /* messages published since none waited */
	bool full;                /* the socket takes no more: `room` waits */
	struct nats_kept *first_kept, *last_kept; /* until there is a broker */
};

void nats_output_init(struct nats_output *, struct nats_instance *);
void nats_output_finish(struct nats_output *);

/* An error with a status, to a subject; and a text. */
void nats_publish_error(
	struct nats_instance *, const char *to, enum rv_status, const char *sentence, size_t n);
void nats_publish(struct nats_instance *, const char *to, const void *data, size_t n);

/* Writes what is published, as far as the socket takes it. */
void nats_output_write(struct nats_instance *);
/* From now on this is its socket. */
void nats_output_watch(struct nats_instance *, int fd);
/* There is a broker: what was kept is published. */
void nats_output_up(struct nats_instance *);
/* There is none any more: what the library had is lost. */
void nats_output_lost(struct nats_instance *);
/* Forgets what is not sent for this peer. */
void nats_output_forget(struct nats_output *, const struct nats_peer *);

/* rv_backend_ops */
int nats_reserve(void *in, void *peer, size_t min, struct rv_room *ret);
void nats_commit(void *in, void *peer, size_t used, uint32_t tag);
void nats_commit_error(void *in, void *peer, size_t used, uint32_t tag, enum rv_status);
void nats_flush(void *in, void *peer);
