/*
 * <revd/base/listener.h>: a listening Unix socket, by path or abstract name: made so
 * that nobody gets in between, found stale or served by somebody else, inherited,
 * released; who may connect. Main thread, but for rv_listener_identify().
 *
 * <revd/base/acceptor.h> takes connections from it.
 */
#pragma once

#include <revd/base/names.h>

enum rv_listener_type { RV_LISTENER_STREAM, RV_LISTENER_SEQPACKET };

/* The configuration, or its beginning; its keys are RV_LISTENER_OPTIONS. */
struct rv_listener_config {
	const char *path; /* "@name": abstract */
	int type;         /* enum rv_listener_type */
	uint64_t backlog;
	struct rv_ids allow_users, allow_groups;
};

/* Rows of its table of options. */
#define RV_LISTENER_OPTION_PATH(default_)                                                  \
	{                                                                                  \
		.key = "path", .def = default_,                                            \
		.help = "the socket; @NAME is in the abstract namespace", .type = RV_PATH, \
		.choices = (const char *const[]){"@", NULL},                               \
		.offset = offsetof(struct rv_listener_config, path)                        \
	}
#define RV_LISTENER_OPTION_TYPE                                                                 \
	{                                                                                       \
		.key = "type", .def = "stream",                                                 \
		.help = "what a connection carries: bytes, or a message in each packet",        \
		.type = RV_ENUM, .choices = (const char *const[]){"stream", "seqpacket", NULL}, \
		.offset = offsetof(struct rv_listener_config, type)                             \
	}
#define RV_LISTENER_OPTIONS                                                                   \
	{.key = "backlog",                                                                    \
		.def = "4096",                                                                \
		.help = "connections that may wait to be accepted",                           \
		.type = RV_UINT,                                                              \
		.live = true,                                                                 \
		.min = 1,                                                                     \
		.max = 65535,                                                                 \
		.offset = offsetof(struct rv_listener_config, backlog)},                      \
		{.key = "allow_users",                                                        \
			.def = "",                                                            \
			.help = "users who may connect; empty: all whom the mode lets in",    \
			.type = RV_USERS,                                                     \
			.live = true,                                                         \
			.offset = offsetof(struct rv_listener_config, allow_users)},          \
	{                                                                                     \
		.key = "allow_groups", .def = "", .help = "groups whose members may connect", \
		.type = RV_GROUPS, .live = true,                                              \
		.offset = offsetof(struct rv_listener_config, allow_groups)                   \
	}

struct rv_listener {                          /* the endpoint block, or its beginning */
	const struct rv_listener_config *cfg; /* replaced as one word by a reload */
	int fd;                               /* -1: closed */
	bool is_open, adopted;
	char *path; /* NULL: adopted or abstract */
	struct rv_names_lock lock;
	struct rv_names_id id;
	unsigned users; /* workers; the main thread's calls are one at a time */
};

/* rv_backend_ops */
int rv_listener_check(const void *cfg, struct rv_err *);
bool rv_listener_name_at(const void *cfg, size_t i, char *buf, size_t size);
int rv_listener_open(void *listener, const struct rv_endpoint_info *, const void *cfg,
	const int *fds, size_t n_fds, struct rv_err *);
int rv_listener_reconfigure(
	void *listener, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
void rv_listener_close(void *listener);

#define RV_LISTENER_OPS                                                                       \
	.check = rv_listener_check, .name_at = rv_listener_name_at, .open = rv_listener_open, \
	.reconfigure = rv_listener_reconfigure, .close = rv_listener_close

/* With <revd/base/handover.h>. */
#define RV_LISTENER_HANDOVER_OPS \
	.hand_over = rv_listener_hand_over, .take_over = rv_listener_take_over

/* A worker begins to accept from the descriptor, which is returned; and: it has stopped,
 * and the name is given up. The last one closes the descriptor. */
int rv_listener_use(struct rv_listener *);
void rv_listener_stop(struct rv_listener *);

/* Any thread: fills in uid, gid and denied of whoever has connected as fd. */
void rv_listener_identify(const struct rv_listener *, int fd, struct rv_peer_info *);
