/* A client's connection over NATS, as librevc has it: one message each way per request. */
#pragma once

#include "bench/link.h"

/* url: "nats://HOST:PORT". 0, or -errno with a sentence. */
int link_nats_open(struct link *, const char *url, const char *subject, struct rv_err *) MUST_CHECK;

/* Waits until somebody answers there, with the first message of the link's script. */
int link_nats_await(struct link *, struct rv_err *) MUST_CHECK;
