/*
 * From input to requests.
 *
 * The invariant of a stream: backlog->uncut holds the bytes that have come and are not
 * served, and backlog->cutter the state of cutting at their beginning; a peer without
 * a backlog has neither. New bytes lie behind them. What is served leaves at once, so
 * uncut is either the incomplete end of the input, or what may not be served now.
 *
 * A *dedicated* peer (a connection) can be held up: when its output is full, when too
 * much of it is in the service, or when the service takes no more, its input stays
 * where it is, the backend stops reading, and the kernel pushes back. A *shared* peer
 * (a FIFO, a queue) carries other clients' requests and is held up only by the
 * service, which all of them want; when the output for lines is full, only lines, whose
 * replies all go to one place, wait in a bounded backlog, and frames pass them.
 */
#pragma once

#include "traffic/peer.h"

/* Methods of struct rv_host. peer: the backend's block. */
enum rv_next input_bytes(struct rv_instance *, void *peer, const void *data, size_t n, bool whole);
enum rv_next input_messages(struct rv_instance *, void *peer, const struct rv_msg *, size_t n);
void input_eof(struct rv_instance *, void *peer);

/* Goes on with what waits, after a block, a limit or another's reply has gone away. */
void input_more(struct rv_instance *, struct peer *);

/* The backend may read from a stopped peer again. */
void input_resume(struct rv_instance *, struct peer *);
