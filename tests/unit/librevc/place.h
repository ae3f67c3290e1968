/* A private directory for the names of one test, and a daemon played by hand in it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <revd/wire.h>

struct place {
	char dir[32];
};

/* Fails the test if it can't. */
void place_make(struct place *);
/* DIR/name, in a buffer of its own for each of the last four calls. */
const char *place_path(struct place *, const char *name);
/* "SCHEME:DIR/name", likewise. */
const char *place_uri(struct place *, const char *scheme, const char *name);
void place_remove(struct place *);

/* A listening socket, non-blocking only where accept() is concerned. */
int place_listen(const char *path, int type);

/* Reads exactly n bytes, or fails the test after a deadline. */
void place_read(int fd, void *p, size_t n);

/* A frame at p: header and text. Returns its size. */
size_t place_frame(uint8_t *p, uint8_t code, uint8_t flags, uint64_t id, const char *text);

/* A moment far enough away to mean that something hangs. */
uint64_t place_deadline(void);
