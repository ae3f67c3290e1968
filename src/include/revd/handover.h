/*
 * <revd/handover.h>: what one process writes down of an endpoint or a peer so that the next
 * one goes on with it: descriptors, and bytes that only the backend understands.
 *
 * Numbers are 64 bits in the machine's order: both processes are on it. Reading is safe on
 * any bytes: what is not there reads as 0 or NULL, and rv_unpack_ok() tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that grow; zero is none. Running out of memory is remembered. */
struct rv_pack {
	uint8_t *data; /* owned, freed with free() */
	size_t len, size;
	bool failed;
};

/* Bytes that are read; they are borrowed. */
struct rv_unpack {
	const uint8_t *data;
	size_t left;
	bool failed;
};

/* n bytes at the end, for the caller to write; NULL: no memory. */
static inline uint8_t *rv_pack_room(struct rv_pack *p, size_t n)
{
	size_t size = p->size ? p->size : 256;
	uint8_t *data;

	while (size - p->len < n && size <= SIZE_MAX / 4) {
		size *= 2;
	}
	data = size == p->size ? p->data : (uint8_t *)realloc(p->data, size);
	if (!data || size - p->len < n) {
		p->failed = true;
		return NULL;
	}
	p->data = data;
	p->size = size;
	p->len += n;
	return data + p->len - n;
}

static inline void rv_pack_bytes(struct rv_pack *p, const void *from, size_t n)
{
	uint8_t *to = n > 0 ? rv_pack_room(p, n) : NULL;

	if (to) {
		memcpy(to, from, n);
	}
}

static inline void rv_pack_u64(struct rv_pack *p, uint64_t v)
{
	rv_pack_bytes(p, &v, sizeof(v));
}

/* Bytes with their number in front. */
static inline void rv_pack_blob(struct rv_pack *p, const void *from, size_t n)
{
	rv_pack_u64(p, n);
	rv_pack_bytes(p, from, n);
}

/* A string; NULL is "". */
static inline void rv_pack_string(struct rv_pack *p, const char *s)
{
	rv_pack_blob(p, s ? s : "", strlen(s ? s : "") + 1);
}

static inline bool rv_unpack_ok(const struct rv_unpack *u)
{
	return !u->failed;
}

/* n bytes, borrowed; NULL: they are not there. */
static inline const uint8_t *rv_unpack_bytes(struct rv_unpack *u, size_t n)
{
	const uint8_t *at = u->data;

	if (u->failed || n > u->left) {
		u->failed = true;
		return NULL;
	}
	u->data += n;
	u->left -= n;
	return at;
}

static inline uint64_t rv_unpack_u64(struct rv_unpack *u)
{
	const uint8_t *at = rv_unpack_bytes(u, sizeof(uint64_t));
	uint64_t v = 0;

	if (at) {
		memcpy(&v, at, sizeof(v));
	}
	return v;
}

static inline struct rv_unpack rv_unpack_blob(struct rv_unpack *u)
{
	uint64_t n = rv_unpack_u64(u);
	const uint8_t *at = n <= SIZE_MAX ? rv_unpack_bytes(u, (size_t)n) : NULL;
	struct rv_unpack blob = {at, at ? (size_t)n : 0, at == NULL};

	return blob;
}

static inline const char *rv_unpack_string(struct rv_unpack *u)
{
	struct rv_unpack blob = rv_unpack_blob(u);

	if (blob.failed || blob.left == 0 || blob.data[blob.left - 1] != '\0') {
		u->failed = true;
		return "";
	}
	return (const char *)blob.data;
}

/* Written by the process that ends. The host empties it before each call, and frees it. */
struct rv_handover {
	struct rv_pack data;
	struct rv_pack fds; /* int; borrowed: the next process gets duplicates */
};

/* Read by the next one. */
struct rv_takeover {
	struct rv_unpack data;
	int *fds; /* -1: taken, or it did not come over; the host's memory */
	size_t n_fds, next;
};

static inline void rv_handover_fd(struct rv_handover *h, int fd)
{
	rv_pack_bytes(&h->fds, &fd, sizeof(fd));
}

/* The next descriptor, which is the caller's from now on; -1: it did not come over. */
static inline int rv_takeover_fd(struct rv_takeover *t)
{
	int fd = -1;

	if (t->next < t->n_fds) {
		fd = t->fds[t->next];
		t->fds[t->next++] = -1;
	}
	return fd;
}
