/*
 * A parcel: bytes and descriptors on their way from one process to the next, itself two
 * descriptors. The bytes lie in a sealed memfd; the descriptors, any number of them, in
 * flight in a socket pair of which the receiving end is kept (unix(7), SCM_RIGHTS).
 *
 * Who opens one checks that it is whole, of this version, and made by its own user.
 */
#pragma once

#include <revd/handover.h>
#include <stddef.h>
#include "util/macro.h"

#define PARCEL_VERSION 1u

struct parcel { /* zero is an empty one */
	struct rv_pack data;
	int *fds; /* borrowed until it is sealed */
	size_t n_fds, fds_size;
};

enum parcel_end { PARCEL_BYTES, PARCEL_FDS, PARCEL_ENDS };

/* Adds a descriptor; returns its number in the parcel. */
size_t parcel_add_fd(struct parcel *, int fd);
/* Closes it; what is returned may be given away and is the caller's. *ret_lost: how many of
 * the descriptors did not get in, since the system has no room for more in flight. 0 or -errno. */
int parcel_seal(struct parcel *, int ret[PARCEL_ENDS], size_t *ret_lost) MUST_CHECK;
void parcel_finish(struct parcel *);

/* The other side. */
struct parcel_in {
	void *map;
	size_t map_size;
	struct rv_unpack data; /* what was packed */
	int *fds;              /* -1: it was taken, or is missing */
	size_t n_fds;
	size_t missing; /* descriptors that did not arrive */
};

#define PARCEL_WHY 128 /* bytes of a sentence */

/* Opens it from its ends, in any order, which are closed. -errno: why says what is wrong. */
int parcel_open(struct parcel_in *, const int *ends, size_t n, char why[PARCEL_WHY]) MUST_CHECK;
/* The descriptor of that number is the caller's now; -1: it is missing. */
int parcel_take_fd(struct parcel_in *, size_t number);
/* Closes what was not taken. */
void parcel_in_finish(struct parcel_in *);
