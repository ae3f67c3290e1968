/*
 * <revd/base/listener.h>: a listening Unix socket, by path or abstract name: made so
 * that nobody gets in between, found stale or served by somebody else, inherited,
 * released; who may connect. Main thread, but for rv_listener_identify().
 *
 * <revd/base/acceptor.h> takes connections from it.
 */
#pragma once

#include <sys/socket.h>
#include <revd/base/names.h>

/* Part of a transport's configuration; its keys are RV_LISTENER_OPTIONS. */
struct rv_listener_config {
	const char *path; /* "@name": abstract */
	uint64_t backlog;
	struct rv_ids allow_users, allow_groups;
};

/* Rows of a table of options for the member `m` of the configuration `type_`. */
#define RV_LISTENER_OPTION_PATH(type_, m, default_)                                            \
	{                                                                                      \
		.key = "path", .def = default_,                                                \
		.help = "the socket; @NAME is in the abstract namespace", .type = RV_PATH,     \
		.choices = (const char *const[]){"@", NULL}, .offset = offsetof(type_, m.path) \
	}
#define RV_LISTENER_OPTIONS(type_, m)                                                         \
	{.key = "backlog",                                                                    \
		.def = "4096",                                                                \
		.help = "connections that may wait to be accepted",                           \
		.type = RV_UINT,                                                              \
		.live = true,                                                                 \
		.min = 1,                                                                     \
		.max = 65535,                                                                 \
		.offset = offsetof(type_, m.backlog)},                                        \
		{.key = "allow_users",                                                        \
			.def = "",                                                            \
			.help = "users who may connect; empty: all whom the mode lets in",    \
			.type = RV_USERS,                                                     \
			.live = true,                                                         \
			.offset = offsetof(type_, m.allow_users)},                            \
	{                                                                                     \
		.key = "allow_groups", .def = "", .help = "groups whose members may connect", \
		.type = RV_GROUPS, .live = true, .offset = offsetof(type_, m.allow_groups)    \
	}

struct rv_listener {
	const struct rv_endpoint_info *info;
	const struct rv_listener_config *cfg; /* replaced as one word by a reload */
	int type;                             /* SOCK_STREAM or SOCK_SEQPACKET */
	int fd;                               /* -1: closed */
	bool is_open, adopted;
	char *path; /* NULL: adopted or abstract */
	struct rv_names_lock lock;
	struct rv_names_id id;
	unsigned users; /* workers; the main thread's calls are one at a time */
};

/* The functions of rv_backend_ops.check, open, reconfigure and close. l: zeroed before
 * it is opened. cfg and info live until the next of these calls. */
int rv_listener_check(const struct rv_listener_config *, struct rv_err *) MUST_CHECK;
/* For name_at() of <revd/backend.h>. */
bool rv_listener_name_at(const struct rv_listener_config *, size_t i, char *buf, size_t size);
int rv_listener_open(struct rv_listener *, int type, const struct rv_listener_config *,
	const struct rv_endpoint_info *, const int *fds, size_t n_fds, struct rv_err *) MUST_CHECK;
int rv_listener_reconfigure(struct rv_listener *, const struct rv_listener_config *,
	const struct rv_endpoint_info *, struct rv_err *) MUST_CHECK;
void rv_listener_close(struct rv_listener *);

/* A worker begins to accept from the descriptor, which is returned; and: it has stopped,
 * and the name is given up. The last one closes the descriptor. */
int rv_listener_use(struct rv_listener *);
void rv_listener_stop(struct rv_listener *);

/* Any thread: fills in uid, gid and denied of whoever has connected as fd. */
void rv_listener_identify(const struct rv_listener *, int fd, struct rv_peer_info *);
