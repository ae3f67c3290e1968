/*
 * Transport "fifo": one request FIFO for all writers, PATH; one FIFO for the
 * replies to lines, PATH.out; and a directory, PATH.d, in which each client of
 * frames makes the FIFO for its own replies.
 *
 * The request FIFO and PATH.out are held open for reading and writing, so that
 * neither ever sees the end of its input when the last client leaves (an
 * O_RDONLY end would be readable for ever from then on). Reply FIFOs are
 * opened for writing only: so the kernel tells when the reader has left.
 *
 *	endpoint.c  the names		instance.c  input, drain
 *	peer.c      output			reply.c     the reply FIFOs
 *	fifo.c      options and the table
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include "common/names.h"
#include "common/out.h"
#include "common/replies.h"

#define FIFO_CHUNK ((size_t)64 << 10) /* bytes read at once: they stay in the cache */
/* The pipes' sizes. What is in the one comes before everybody's next request; in the
 * other a reader of PATH.out may lag behind: as much as pipe(7) lets anybody have. */
#define FIFO_REQUESTS (256 << 10)
#define FIFO_REPLIES (1 << 20)
#define FIFO_DIRECTORY_MODE 01733 /* clients make FIFOs in there, and can't list it */

struct fifo_config {
	const char *path;
	const char *reply_dir;
};

struct fifo_endpoint {
	bool live; /* the descriptors below are ours */
	bool adopted;
	char *path, *out_path, *dir_path;
	int fd, out_fd, dir_fd;
	struct names_id id, out_id, dir_id; /* what we made, and remove */
	struct names_lock lock;
	uint64_t max_peers; /* atomic: changed by a reload while the instance runs */
};

struct fifo_peer {
	struct out_peer out;
	struct fifo_instance *in;
	int fd; /* owned, but for the source's, which is the endpoint's */
	bool source, closing;
	struct fifo_peer *next_closing;
	struct reply reply; /* in in->replies unless it is the source or closing */
	struct event event; /* a reader that left reads as EV_READ; EV_WRITE behind a tail */
};

struct fifo_instance {
	struct fifo_endpoint *ep;
	const struct rv_host *host;
	struct rv_instance *handle;
	struct out out;
	struct replies replies;
	struct fifo_peer *source;
	struct fifo_peer *closing; /* flushing, then ended */
	struct event event;        /* the request FIFO */
	int watch_fd;              /* inotify: tells when the name is taken from us */
	struct event watch_event;
	uint8_t *chunk; /* FIFO_CHUNK bytes */
	bool attached, draining, drained;
	size_t left; /* while draining: bytes that had arrived and are not read */
};

/* endpoint.c */
int fifo_open(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *);
int fifo_reconfigure(void *ep, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
/* Removes the names that we made and lets go of the lock; what is open stays so. */
void fifo_release_names(struct fifo_endpoint *);
void fifo_close(void *ep);

/* instance.c */
int fifo_attach(void *in, void *ep, const struct rv_host *, struct rv_instance *, struct rv_err *);
void fifo_drain(void *in);
void fifo_detach(void *in);
void fifo_resume(void *in, void *peer);
int fifo_reserve(void *in, void *peer, size_t min, struct rv_room *ret);
void fifo_commit(void *in, void *peer, size_t used, uint32_t tag);
void fifo_flush(void *in, void *peer);
/* Says drained() if it is time to. */
void fifo_check_drained(struct fifo_instance *);

/* peer.c */
extern const struct out_ops fifo_out_ops;
void fifo_peer_close(void *in, void *peer, enum rv_close);
int fifo_source_new(struct fifo_instance *) MUST_CHECK;
/* Takes fd over on success, but for the source. */
int fifo_peer_new(struct fifo_instance *, int fd, bool source, struct fifo_peer **ret) MUST_CHECK;
/* Waits for the reader to leave and, if `write`, for room. */
int fifo_peer_watch(struct fifo_peer *, bool write) MUST_CHECK;
/* Ends it at once; a source is not followed by another one. */
void fifo_peer_end(struct fifo_peer *);

/* reply.c */
int fifo_reply_peer(void *in, const char *token, size_t n, void **ret);
/* Opens DIR/token for writing. The descriptor, or -errno: -EPERM means it is no
 * FIFO, -ENXIO that nobody reads it. */
int fifo_open_reply(int dir, const char *token, size_t n) MUST_CHECK;
