#include "fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct fake_uds {
	const char *path;
	int type;
	uint64_t backlog;
	struct rv_ids users, groups;
};

struct fake_fifo {
	const char *path, *reply_dir;
};

struct fake_mqueue {
	const char *queue;
	uint64_t max_messages, message_size;
};

static const char *const types[] = {"stream", "seqpacket", NULL};
static const char *const units[] = {"grapheme", "codepoint", "byte", NULL};
static const char *const invalids[] = {"reject", "replace", "bytes", NULL};
static const char *const colours[] = {"red", "green", "blue", NULL};

/* What a path may start with instead of a slash. */
static const char *const abstract[] = {"@", "here:", NULL};

#define AT(type, field) .offset = offsetof(struct type, field)

static const struct rv_option uds_options[] = {
	{"path", "/run/revd/revd.sock", "p", RV_PATH, .choices = abstract, AT(fake_uds, path)},
	{"type", "stream", "t", RV_ENUM, .choices = types, AT(fake_uds, type)},
	{"backlog", "4096", "b", RV_UINT, .min = 1, .max = 65535, AT(fake_uds, backlog)},
	{"allow_users", "", "u", RV_USERS, true, AT(fake_uds, users)},
	{"allow_groups", "", "g", RV_GROUPS, true, AT(fake_uds, groups)},
	{0},
};

static const struct rv_option fifo_options[] = {
	{"path", "/run/revd/revd.fifo", "p", RV_PATH, AT(fake_fifo, path)},
	{"reply_dir", "", "r", RV_PATH, AT(fake_fifo, reply_dir)},
	{0},
};

static const struct rv_option mqueue_options[] = {
	{"queue", "/revd", "q", RV_QUEUE, AT(fake_mqueue, queue)},
	{"max_messages", "10", "m", RV_UINT, .min = 1, .max = 65536, AT(fake_mqueue, max_messages)},
	{"message_size", "8K", "s", RV_SIZE, .min = 128, .max = 16 * 1024 * 1024,
		AT(fake_mqueue, message_size)},
	{0},
};

static const struct rv_option every_options[] = {
	{"yes", "yes", "y", RV_BOOL, true, AT(fake_every, yes)},
	{"count", "5", "c", RV_UINT, .min = 2, AT(fake_every, count)},
	{"size", "64K", "s", RV_SIZE, true, .min = 16, .max = 1024 * 1024, AT(fake_every, size)},
	{"time", "10s", "t", RV_TIME, true, .min = 1000, .max = 3600000000, AT(fake_every, time)},
	{"bits", "0600", "m", RV_MODE, AT(fake_every, mode)},
	{"string", "text", "s", RV_STRING, AT(fake_every, string)},
	{"place", "/run/revd/every", "p", RV_PATH, .choices = abstract, AT(fake_every, path)},
	{"colour", "green", "c", RV_ENUM, true, .choices = colours, AT(fake_every, choice)},
	{"user", "", "u", RV_USER, AT(fake_every, ids.user)},
	{"agroup", "", "g", RV_GROUP, AT(fake_every, ids.group)},
	{"users", "", "u", RV_USERS, true, AT(fake_every, ids.users)},
	{"groups", "", "g", RV_GROUPS, true, AT(fake_every, ids.groups)},
	{0},
};

static const struct rv_option reverse_options[] = {
	{"unit", "grapheme", "u", RV_ENUM, true, .choices = units, AT(fake_reverse, unit)},
	{"invalid", "reject", "i", RV_ENUM, true, .choices = invalids, AT(fake_reverse, invalid)},
	{0},
};

static void uds_address(const void *cfg, char *buf, size_t size)
{
	snprintf(buf, size, "uds:%s", ((const struct fake_uds *)cfg)->path);
}

static void fifo_address(const void *cfg, char *buf, size_t size)
{
	snprintf(buf, size, "fifo:%s", ((const struct fake_fifo *)cfg)->path);
}

static void mqueue_address(const void *cfg, char *buf, size_t size)
{
	snprintf(buf, size, "mqueue:%s", ((const struct fake_mqueue *)cfg)->queue);
}

static void every_address(const void *cfg, char *buf, size_t size)
{
	snprintf(buf, size, "every:%s", ((const struct fake_every *)cfg)->path);
}

static int uds_check(const void *cfg, struct rv_err *err)
{
	if (strlen(((const struct fake_uds *)cfg)->path) > 107) {
		snprintf(err->msg, sizeof(err->msg), "path: longer than 107 bytes");
		return -EINVAL;
	}
	return 0;
}

/* Fails without a sentence, which plugins may do. */
static int every_check(const void *cfg, struct rv_err *err)
{
	(void)err;
	return strcmp(((const struct fake_every *)cfg)->string, "refuse") == 0 ? -EPERM : 0;
}

static const struct rv_backend_ops backends[] = {
	{
		.name = "uds",
		.caps = RV_CAP_MULTI_WORKER | RV_CAP_ADOPT_FD | RV_CAP_PEERCRED,
		.default_mode = 0660,
		.config_size = sizeof(struct fake_uds),
		.options = uds_options,
		.check = uds_check,
		.address = uds_address,
	},
	{
		.name = "fifo",
		.caps = RV_CAP_ADOPT_FD | RV_CAP_REPLY_TO,
		.default_mode = 0620,
		.config_size = sizeof(struct fake_fifo),
		.options = fifo_options,
		.address = fifo_address,
	},
	{
		.name = "mqueue",
		.caps = RV_CAP_ADOPT_FD | RV_CAP_REPLY_TO,
		.default_mode = 0620,
		.config_size = sizeof(struct fake_mqueue),
		.options = mqueue_options,
		.address = mqueue_address,
	},
	{
		.name = "every",
		.default_mode = 0600,
		.config_size = sizeof(struct fake_every),
		.options = every_options,
		.check = every_check,
		.address = every_address,
	},
};

static const struct rv_service_ops services[] = {
	{.name = "reverse", .config_size = sizeof(struct fake_reverse), .options = reverse_options},
	{.name = "echo"}, /* without keys or a check */
	{
		.name = "every",
		.config_size = sizeof(struct fake_every),
		.options = every_options,
		.check = every_check,
	},
};

static int load_plugins(void *ctx, const char *dir, struct rv_err *err)
{
	struct fake *f = ctx;

	f->plugin_calls++;
	snprintf(f->plugin_dir, sizeof(f->plugin_dir), "%s", dir);
	if (f->plugin_error) {
		snprintf(err->msg, sizeof(err->msg), "%s", f->plugin_error);
		return -EPERM;
	}
	return 0;
}

static const struct rv_backend_ops *find_backend(void *ctx, const char *name)
{
	const struct fake *f = ctx;

	for (size_t i = 0; f->backends && f->backends[i]; i++) {
		if (strcmp(f->backends[i]->name, name) == 0) {
			return f->backends[i];
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		if (strcmp(backends[i].name, name) == 0 &&
			(!f->only_fifo || strcmp(name, "fifo") == 0)) {
			return &backends[i];
		}
	}
	return NULL;
}

static const struct rv_service_ops *find_service(void *ctx, const char *name)
{
	const struct fake *f = ctx;

	for (size_t i = 0; f->services && f->services[i]; i++) {
		if (strcmp(f->services[i]->name, name) == 0) {
			return f->services[i];
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (strcmp(services[i].name, name) == 0) {
			return &services[i];
		}
	}
	return NULL;
}

static const char *backend_name(void *ctx, size_t i)
{
	const struct fake *f = ctx;
	size_t n = 0;

	if (f->backends) { /* the real ones alone, as revd lists them */
		while (n < i && f->backends[n]) {
			n++;
		}
		return f->backends[n] ? f->backends[n]->name : NULL;
	}
	return i < ARRAY_SIZE(backends) ? backends[i].name : NULL;
}

static const char *service_name(void *ctx, size_t i)
{
	const struct fake *f = ctx;
	size_t n = 0;

	if (f->services) { /* the real ones alone, as revd lists them */
		while (n < i && f->services[n]) {
			n++;
		}
		return f->services[n] ? f->services[n]->name : NULL;
	}
	return i < ARRAY_SIZE(services) ? services[i].name : NULL;
}

struct config_registry fake_registry(struct fake *f)
{
	*f = (struct fake){0};
	return (struct config_registry){
		.ctx = f,
		.load_plugins = load_plugins,
		.backend = find_backend,
		.service = find_service,
		.backend_name = backend_name,
		.service_name = service_name,
	};
}
