/*
 * A NATS broker for a test, nats-server on a port of its own of the loopback, and clients
 * of it that speak its protocol themselves: nothing here is revd's or the library's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "common/rig.h"

struct nats_broker {
	const struct rig *rig; /* its configuration and log are there: broker.conf, broker.log */
	uint16_t port;
	pid_t pid; /* 0: it does not run */
};

/* Chooses the port; nothing listens there yet. */
void nats_broker_init(struct nats_broker *, const struct rig *);
/* Starts it and waits until it answers. config: what is in its file, "" for nothing. */
void nats_broker_start(struct nats_broker *, const char *config);
/* SIGKILL, and waits. Fine when it does not run. */
void nats_broker_kill(struct nats_broker *);
/* SIGSTOP: it has stopped. */
void nats_broker_signal(const struct nats_broker *, int sig);

struct nats_client {
	int fd;
	unsigned subscriptions; /* so far */
	char *buf;
	size_t n, taken, size; /* taken: of the message before */
};

struct nats_message {
	char subject[256], reply[256]; /* reply: "" for none */
	const char *head;              /* "NATS/1.0\r\n..." or NULL; */
	size_t head_n;
	const uint8_t *data; /* both the client's until the next receive */
	size_t n;
};

/* credentials: members of CONNECT, "" for none. */
void nats_client_open(struct nats_client *, const struct nats_broker *, const char *credentials);
void nats_client_close(struct nats_client *);
/* Bytes as they are. */
void nats_client_send(struct nats_client *, const void *, size_t n);
void nats_client_subscribe(struct nats_client *, const char *subject);
/* reply: "" for none. */
void nats_client_publish(
	struct nats_client *, const char *subject, const char *reply, const void *data, size_t n);
/* Returns once the broker has done all that came before. Messages stay. */
void nats_client_flush(struct nats_client *);
void nats_client_receive(struct nats_client *, struct nats_message *);
/* The same if a whole one has come already, and false if not. */
bool nats_client_try_receive(struct nats_client *, struct nats_message *);
/* Asserts that nothing has come but what was received: the broker has been asked. */
void nats_client_expect_nothing(struct nats_client *);

/* A plain request and its reply, whose subject has to be the one asked for. */
void nats_client_ask(struct nats_client *, struct nats_message *, const char *subject,
	const void *data, size_t n);
void nats_client_expect(
	struct nats_client *, const char *subject, const char *request, const char *reply);
/* The reply is an error with that code, whose header begins with `says`. */
void nats_client_expect_error(struct nats_client *, const char *subject, const void *request,
	size_t n, const char *code, const char *says);
/* Asks until there is somebody who answers: `request` with `reply`. */
void nats_client_wait_served(
	struct nats_client *, const char *subject, const char *request, const char *reply);
