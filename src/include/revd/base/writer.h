/*
 * <revd/base/writer.h>: output of peers, bytes or messages.
 *
 * One arena per instance takes the replies of a batch, and a flush hands them to the
 * kernel, if it can with one system call. Only what the kernel does not take moves to
 * memory of the peer's own, its tail. So an idle peer owns one pointer, and memory grows
 * only behind a reader that is slow.
 *
 * The arena belongs to one peer at a time: reserving for another one flushes the first.
 * While a peer has a tail nothing more is accepted for it: reserve says -EAGAIN, and the
 * host stops serving what would be for this peer.
 *
 * Embed struct rv_writer at the beginning of the instance block and struct
 * rv_writer_peer at the beginning of the peer block; then RV_WRITER_OPS stands in the
 * ops table. (<revd/base/connection.h> and <revd/base/shared.h> do so.)
 */
#pragma once

#include <sys/types.h>
#include <revd/base/util.h>

#define RV_WRITER_ARENA ((size_t)256 << 10) /* bytes; more only while a reply needs it */

struct rv_writer_tail;

struct rv_writer_peer { /* all zero at first */
	struct rv_writer_tail *tail;
};

/* How a transport sends and waits; peer: its block. Any of these may end the peer, whose
 * block stays in place until the end of the turn. */
struct rv_writer_ops {
	/* Each commit is a message, and kept behind a head: what send() is given are such
	 * records, see rv_writer_message(). */
	bool messages;
	/* Messages go out one by one: there is no call for several. */
	bool single;
	/* Sends some of the n bytes, or one or more of the messages: how many bytes (with
	 * heads) were taken, or -errno. Never 0. */
	ssize_t (*send)(void *peer, const void *p, size_t n);
	/* A tail has come to be, or is sent: whether to call rv_writer_writable() once the
	 * kernel has room. 0 or -errno. */
	int (*watch)(void *peer, bool on);
	/* The tail is sent; as a rule the transport calls host->writable(). */
	void (*sent)(void *peer);
	/* What was unsent can't be sent, and is dropped: end the peer. */
	void (*broken)(void *peer, int err);
};

struct rv_writer {
	const struct rv_host *host;
	struct rv_instance *handle;
	struct rv_writer_ops ops;
	size_t head;                  /* bytes in front of each commit */
	uint8_t *mem;                 /* lazily made; size bytes */
	size_t size, used;            /* used: committed by the owner */
	struct rv_writer_peer *owner; /* NULL: the arena is empty */
	size_t n_tails;               /* peers with a tail */
};

struct rv_writer_message {
	const uint8_t *data;
	uint32_t len, tag;
};

#define RV_WRITER_HEAD (2 * sizeof(uint32_t)) /* bytes in front of a message */

/* The message of a record. */
static inline struct rv_writer_message rv_writer_message(const void *record)
{
	struct rv_writer_message m = {.data = (const uint8_t *)record + RV_WRITER_HEAD};

	memcpy(&m.len, record, sizeof(m.len));
	memcpy(&m.tag, (const uint8_t *)record + sizeof(m.len), sizeof(m.tag));
	return m;
}

void rv_writer_init(struct rv_writer *, const struct rv_host *, struct rv_instance *,
	const struct rv_writer_ops *);
/* The peers must have been dropped before. Fine on a zeroed one. */
void rv_writer_finish(struct rv_writer *);

/* The kernel has room again: sends from the tail. */
void rv_writer_writable(struct rv_writer *, struct rv_writer_peer *);
/* Forgets all that is unsent. The transport removes its event itself. */
void rv_writer_drop(struct rv_writer *, struct rv_writer_peer *);
/* True if something committed is not in the kernel's hands. */
static inline bool rv_writer_unsent(const struct rv_writer *o, const struct rv_writer_peer *p)
{
	return p->tail || (o->owner == p && o->used > 0);
}

/* What is unsent goes with the peer, see <revd/base/handover.h>. 0 or -errno. */
void rv_writer_hand_over(
	const struct rv_writer *, const struct rv_writer_peer *, struct rv_handover *);
int rv_writer_take_over(
	struct rv_writer *, struct rv_writer_peer *, struct rv_takeover *) MUST_CHECK;

/* rv_backend_ops. A commit for a peer that ended since it reserved is ignored. */
int rv_writer_reserve(void *instance, void *peer, size_t min, struct rv_room *ret);
void rv_writer_commit(void *instance, void *peer, size_t used, uint32_t tag);
void rv_writer_flush(void *instance, void *peer);

#define RV_WRITER_OPS \
	.reserve = rv_writer_reserve, .commit = rv_writer_commit, .flush = rv_writer_flush
