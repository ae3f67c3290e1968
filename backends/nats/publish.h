/*
 * Messages for the broker. What is published waits in the library's buffer, which a turn
 * writes once; and while there is no broker, with us. All that waits is bounded by
 * max_pending; more is dropped and counted.
 */
#pragma once

#include "nats/instance.h"

/* noted: the event's callback, with the instance: all is sent while it drains, or the
 * connection has ended. */
void nats_publish_init(struct nats_instance *, void (*noted)(int, short, void *));
void nats_publish_finish(struct nats_instance *);

void nats_publish(struct nats_instance *, const char *to, const void *data, size_t n);
/* An error with a status. */
void nats_publish_error(
	struct nats_instance *, const char *to, enum rv_status, const char *sentence, size_t n);
/* The sentence of an error that was answered: for the statistics. */
void nats_note_error(struct nats_instance *, const char *, size_t n);

/* Writes what is published, as far as the socket takes it. */
void nats_publish_now(struct nats_instance *);
/* From now on this is its socket; and: what was kept is published. */
void nats_publish_watch(struct nats_instance *, int fd);
void nats_publish_kept(struct nats_instance *);
/* There is no broker any more: what the library had is lost. */
void nats_publish_lost(struct nats_instance *);
