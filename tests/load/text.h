/*
 * The texts of requests, and what their replies have to be. A text says whose it is:
 * "CLIENT:SEQ:" and a random filler, which the two numbers determine, so that nobody has to keep
 * what was asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX 16384u /* bytes of a text */
#define TEXT_MIN 64u    /* what no `max` is below */

void text_init(void);

/* A number that client and seq determine, for whoever wants to be random the same way twice. */
uint64_t text_random(uint32_t client, uint64_t seq);

/* Write the request, of at most max bytes, and its reply. Return its size, the same for both. */
size_t text_request(uint32_t client, uint64_t seq, size_t max, char *buf);
size_t text_reply(uint32_t client, uint64_t seq, size_t max, char *buf);

/* Whose reply is it, by what it says? False: it is nobody's. */
bool text_whose(const char *reply, size_t n, uint32_t *client, uint64_t *seq);
