/*
 * Unix domain sockets, stream and seqpacket, by path or abstract name.
 *
 * Every worker has an instance; all of them listen on the endpoint's one
 * socket, and a connection stays with the worker that accepted it. A stream
 * connection writes through the output arena (common/out.h); a seqpacket one
 * through packets.h, since each reply is a message.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include "common/macro.h"
#include "common/names.h"
#include "common/out.h"
#include "uds/packets.h"

#define UDS_READ ((size_t)64 << 10) /* stream: bytes per read */
/* Seqpacket: one slot per message of a batch. It is address space; a slot costs
 * memory only where a message reached into it. */
#define UDS_SLOT ((size_t)512 << 10)
#define UDS_SLOTS 32

enum uds_type { UDS_STREAM, UDS_SEQPACKET };

struct uds_config {
	const char *path; /* "@name": abstract */
	int type;         /* enum uds_type */
	uint64_t backlog;
	struct rv_ids allow_users, allow_groups;
};

struct uds_endpoint {
	const struct rv_endpoint_info *info;
	const struct uds_config *cfg; /* replaced as one word by a reload */
	int fd;                       /* -1: closed */
	bool is_open, adopted;
	char *path; /* NULL: adopted or abstract */
	struct names_lock lock;
	struct names_id id;
	unsigned n_listening; /* instances; main thread's calls are one at a time */
};

struct uds_instance {
	struct uds_endpoint *ep;
	const struct rv_host *host;
	struct rv_instance *handle;
	struct event *listener, *retry; /* retry: after accept() ran out of something */
	struct out out;                 /* stream */
	struct packets packets;         /* seqpacket */
	uint8_t *buf;                   /* what is read; one for all connections */
	int type;                       /* enum uds_type; never changes in place */
	unsigned patience;
	unsigned batch; /* seqpacket: messages to ask for at once */
	size_t n_conns;
	bool draining, scanning;
	bool crowded;     /* several connected at once lately */
	unsigned singles; /* connections that came alone */
};

enum conn_state { CONN_OPEN, CONN_CLOSING, CONN_CLOSED };

struct uds_conn {
	struct event ev; /* its fd is the connection's */
	struct uds_instance *in;
	union {
		struct out_peer out;
		struct packets_peer packets;
	};
	uint8_t state; /* enum conn_state */
	bool reading, writing, armed_read, armed_write, ended;
};

/* endpoint.c */
int uds_check(const void *cfg, struct rv_err *);
void uds_address(const void *cfg, char *buf, size_t size);
int uds_open(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *);
int uds_reconfigure(void *ep, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
void uds_close(void *ep);
void uds_stop_listening(struct uds_endpoint *);
bool uds_allowed(const struct uds_config *, int fd, uid_t uid, gid_t gid);

/* instance.c */
int uds_attach(void *in, void *ep, const struct rv_host *, struct rv_instance *, struct rv_err *);
void uds_drain(void *in);
void uds_detach(void *in);
void uds_conn_is_gone(struct uds_instance *);

/* conn.c */
int uds_conn_start(struct uds_instance *, int fd);
/* Reads once (until nothing is left, when draining). */
void uds_conn_read(struct uds_conn *);
void uds_resume(void *in, void *peer);
void uds_peer_close(void *in, void *peer, enum rv_close);
int uds_reserve(void *in, void *peer, size_t min, struct rv_room *ret);
void uds_commit(void *in, void *peer, size_t used, uint32_t tag);
void uds_flush(void *in, void *peer);
extern const struct out_ops uds_out_ops;
extern const struct packets_ops uds_packets_ops;

static inline bool uds_is_stream(const struct uds_instance *in)
{
	return in->type == UDS_STREAM;
}
