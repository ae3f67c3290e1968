/*
 * The fast way for byte streams: a *run* of plain lines goes to the service in one
 * call, which writes their replies behind each other. What it leaves, and whatever is
 * no whole line within the limits, goes piece by piece through cutting, request.h and
 * reply.h, which give the same answers.
 */
#pragma once

#include "traffic/batch.h"

/* Where runs end in the bytes that are being cut. Zero to begin with. */
struct line_run {
	size_t end;    /* offset behind the last whole line of the run */
	size_t looked; /* offset up to which it is known where runs end */
};

/* May runs of lines of this peer be served at once? */
bool run_fits(const struct rv_instance *, const struct peer *);

/* How many of the n bytes at data are a run that begins at off: 0 if none does. */
size_t run_find(struct line_run *, const uint8_t *data, size_t off, size_t n);

/* Answers as many lines of the run at data + off, of n bytes altogether, as the
 * service takes at once. Returns their bytes. */
size_t run_serve(struct batch *, struct peer *, struct line_run *, const uint8_t *data, size_t off,
	size_t n);
