#include "librevc/failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "librevc/error.h"
#include "util/quote.h"

#define ANY (-1)
#define SOCKETS (-2) /* URI_UDS, URI_SHM */
#define BROKERS (-3) /* URI_NATS, URI_NATS_TLS */

/* The first row that fits is taken. What the kernel says by a number depends on
 * the transport: ENXIO is a FIFO without a reader, EMFILE a spent budget of
 * queues, mq_overview(7), fifo(7), unix(7). */
struct sentence {
	int scheme;
	int stage;
	int err;
	int exit_code;
	const char *text;
};

static const struct sentence sentences[] = {
	{SOCKETS, FAILURE_CONNECT, ENOENT, EXIT_UNAVAILABLE,
		"nobody serves there, the socket does not exist (is revd running?)"},
	{SOCKETS, FAILURE_CONNECT, ECONNREFUSED, EXIT_UNAVAILABLE,
		"nobody serves there (is revd running?)"},
	{SOCKETS, FAILURE_CONNECT, ENOTSOCK, EXIT_UNAVAILABLE, "this is not a socket"},
	{SOCKETS, FAILURE_CONNECT, EACCES, EXIT_NO_PERMISSION,
		"permission denied: the mode of the socket and of its directory say who may "
		"connect"},
	{SOCKETS, FAILURE_CONNECT, EAGAIN, EXIT_TRY_LATER,
		"too many clients wait to be accepted, try later"},
	{URI_SHM, FAILURE_CONNECT, ETIMEDOUT, EXIT_UNAVAILABLE,
		"no shared memory comes from there: is it a socket for uds:PATH?"},
	{URI_FIFO, FAILURE_CONNECT, ENXIO, EXIT_UNAVAILABLE,
		"no server is reading it (is revd running?)"},
	{URI_FIFO, FAILURE_CONNECT, ENOENT, EXIT_UNAVAILABLE,
		"there is no such FIFO (is revd running?)"},
	{URI_FIFO, FAILURE_CONNECT, ENOTSUP, EXIT_UNAVAILABLE, "this is not a FIFO"},
	{URI_FIFO, FAILURE_CONNECT, EACCES, EXIT_NO_PERMISSION,
		"permission denied: its mode says who may write to it"},
	{URI_FIFO, FAILURE_REPLY, ENOENT, EXIT_UNAVAILABLE,
		"the directory for replies, the same name with .d, is missing (is revd running?)"},
	{URI_FIFO, FAILURE_REPLY, EACCES, EXIT_NO_PERMISSION,
		"permission denied: no reply FIFO may be made in the directory for replies, the "
		"same name with .d"},
	{URI_FIFO, FAILURE_REPLY, ENOSPC, EXIT_TRY_LATER,
		"no room for a reply FIFO: the file system is full"},
	{URI_FIFO, FAILURE_REPLY, EDQUOT, EXIT_TRY_LATER,
		"no room for a reply FIFO: the disk quota is used up"},
	{URI_FIFO, FAILURE_SEND, EPIPE, EXIT_TRY_LATER, "the server has left"},
	{URI_FIFO, FAILURE_SEND, EILSEQ, EXIT_USAGE, FIFO_BYTES},
	{URI_PTY, FAILURE_CONNECT, ENOENT, EXIT_UNAVAILABLE,
		"there is no such terminal (is revd running?)"},
	{URI_PTY, FAILURE_CONNECT, ENOTDIR, EXIT_TRY_LATER,
		"the server has no terminal left, try later"},
	{URI_PTY, FAILURE_CONNECT, ENOTTY, EXIT_UNAVAILABLE, "this is not a terminal"},
	{URI_PTY, FAILURE_CONNECT, EACCES, EXIT_NO_PERMISSION,
		"permission denied: the mode of the terminal says who may open it"},
	{URI_PTY, FAILURE_CONNECT, ETIMEDOUT, EXIT_UNAVAILABLE,
		"no server takes the terminal (is revd running?)"},
	{URI_MQUEUE, FAILURE_CONNECT, ENOENT, EXIT_UNAVAILABLE,
		"there is no such queue (is revd running?)"},
	{URI_MQUEUE, FAILURE_CONNECT, EACCES, EXIT_NO_PERMISSION,
		"permission denied: the queue's mode says who may send"},
	{URI_MQUEUE, FAILURE_CONNECT, EINVAL, EXIT_USAGE, "this is no name of a queue"},
	{URI_MQUEUE, FAILURE_REPLY, EMFILE, EXIT_TRY_LATER,
		"no reply queue: your queues use up what RLIMIT_MSGQUEUE allows (ulimit -q; ls "
		"/dev/mqueue) or this process has no descriptor left"},
	{URI_MQUEUE, FAILURE_REPLY, ENOSPC, EXIT_TRY_LATER,
		"no reply queue: all that fs.mqueue.queues_max allows exist already (ls "
		"/dev/mqueue)"},
	{URI_MQUEUE, FAILURE_REPLY, EINVAL, EXIT_UNAVAILABLE,
		"no reply queue: fs.mqueue.msg_max or msgsize_max is too small"},
	{URI_MQUEUE, FAILURE_REPLY, ENAMETOOLONG, EXIT_UNAVAILABLE,
		"no reply queue: the queue's name is too long to add a token to it"},
	{BROKERS, FAILURE_CONNECT, ENOENT, EXIT_UNAVAILABLE,
		"the broker is there, but nobody serves this subject (is revd running?)"},
	{BROKERS, FAILURE_CONNECT, ELIBACC, EXIT_UNAVAILABLE,
		"NATS needs a module that is not installed: apt install revd-nats"},
	{BROKERS, FAILURE_CONNECT, ELIBBAD, EXIT_UNAVAILABLE,
		"the module for NATS is one of another version of revd: install the same version "
		"of revd-nats"},
	{BROKERS, ANY, EACCES, EXIT_NO_PERMISSION,
		"the broker's permissions forbid this subject, or replies to _INBOX.>"},
	{BROKERS, FAILURE_RECEIVE, ECONNRESET, EXIT_TRY_LATER, "the broker has left"},
	{BROKERS, FAILURE_SEND, EMSGSIZE, EXIT_USAGE,
		"the request is larger than the broker takes (max_payload)"},
	{ANY, FAILURE_CONNECT, ETIMEDOUT, EXIT_TRY_LATER, "no answer in time, try later"},
	{ANY, FAILURE_CONNECT, EMFILE, EXIT_TRY_LATER,
		"this process has no descriptor left (ulimit -n)"},
	{ANY, ANY, ENFILE, EXIT_TRY_LATER, "the system has no descriptor left"},
	{ANY, ANY, ENOMEM, EXIT_TRY_LATER, "out of memory"},
	{ANY, ANY, ECONNRESET, EXIT_TRY_LATER, "the daemon closed the connection"},
	{ANY, ANY, EPIPE, EXIT_TRY_LATER, "the daemon closed the connection"},
	{ANY, ANY, ENOTCONN, EXIT_TRY_LATER, "the daemon has left"},
	{ANY, ANY, ETIMEDOUT, EXIT_TRY_LATER, "no reply in time, try later"},
	{ANY, ANY, EPROTO, EXIT_UNAVAILABLE, "what answers there does not speak revd's protocol"},
	{ANY, ANY, EMSGSIZE, EXIT_USAGE, "the request is larger than a message can be"},
};

static bool has_scheme(const struct sentence *s, const struct uri *u)
{
	return s->scheme == ANY || s->scheme == (int)u->scheme ||
	       (s->scheme == SOCKETS && (u->scheme == URI_UDS || u->scheme == URI_SHM)) ||
	       (s->scheme == BROKERS && (u->scheme == URI_NATS || u->scheme == URI_NATS_TLS));
}

static bool matches(
	const struct sentence *s, const struct uri *u, enum failure_stage stage, int err)
{
	return s->err == err && has_scheme(s, u) &&
	       (s->stage == ANY || s->stage == (int)stage);
}

int failure_explain(struct revc_err *e, const struct uri *u, enum failure_stage stage, int err)
{
	char shown[REVC_URI_MAX];

	quote_text(u->shown, strlen(u->shown), shown, sizeof(shown));
	for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
		if (matches(&sentences[i], u, stage, err)) {
			error_set(
				e, err, sentences[i].exit_code, "%s: %s", shown, sentences[i].text);
			return -err;
		}
	}
	error_set(e, err, EXIT_UNAVAILABLE, "%s: %s", shown, strerror(err));
	return -err;
}
