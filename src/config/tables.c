#include "config/tables.h"

#define MS 1000ull /* microseconds */
#define DAY (24 * 3600 * 1000 * MS)
#define GIB (1024ull * 1024 * 1024)

#define GLOBAL(field) .offset = offsetof(struct global_keys, field)
#define ENDPOINT(field) .offset = offsetof(struct endpoint_keys, field)
#define SERVICE(field) .offset = offsetof(struct service_keys, field)

/* In the order of syslog's levels, from LOG_ERR on. */
static const char *const levels[] = {"error", "warning", "notice", "info", "debug", NULL};

const struct rv_option workers_option = {
	.key = "workers",
	.type = RV_UINT,
	.min = 1,
	.max = 256,
	GLOBAL(global.workers),
};

const struct rv_option global_options[] = {
	{
		.key = "workers",
		.def = "1",
		.help = "Threads that serve, 1 to 256; auto: one per CPU that revd may run on",
		.type = RV_STRING,
		GLOBAL(workers),
	},
	{
		.key = "max_request",
		.def = "1M",
		.help = "Largest request or reply text",
		.type = RV_SIZE,
		.live = true,
		.min = 1,
		.max = GIB,
		GLOBAL(global.max_request),
	},
	{
		.key = "fragment_timeout",
		.def = "10s",
		.help = "How long to wait for the next fragment of a message",
		.type = RV_TIME,
		.live = true,
		.min = MS,
		.max = DAY,
		GLOBAL(global.fragment_timeout),
	},
	{
		.key = "drain_timeout",
		.def = "5s",
		.help = "At the end: how long to go on answering what was received",
		.type = RV_TIME,
		.live = true,
		.min = 0,
		.max = DAY,
		GLOBAL(global.drain_timeout),
	},
	{
		.key = "exit_on_idle",
		.def = "0",
		.help = "End when nobody has used it for so long, if socket-activated; 0: never",
		.type = RV_TIME,
		.live = true,
		.min = 0,
		.max = DAY,
		GLOBAL(global.exit_on_idle),
	},
	{
		.key = "log_level",
		.def = "info",
		.help = "What is less urgent than this is not logged",
		.type = RV_ENUM,
		.live = true,
		.choices = levels,
		GLOBAL(global.log_level),
	},
	{
		.key = "plugin_dir",
		.def = "",
		.help = "Directory of out-of-tree transports and services; unset: none",
		.type = RV_PATH,
		.live = true,
		GLOBAL(global.plugin_dir),
	},
	{0},
};

const struct rv_option endpoint_options[] = {
	{
		.key = "transport",
		.def = "",
		.help = "The transport; required",
		.type = RV_STRING,
		ENDPOINT(transport),
	},
	{
		.key = "service",
		.def = "reverse",
		.help = "The service that answers: a [service.NAME] or a service's own name",
		.type = RV_STRING,
		.live = true,
		ENDPOINT(service),
	},
	{
		.key = "mode",
		.def = "",
		.help = "Permissions of the name that takes requests; unset: the transport's own",
		.type = RV_MODE,
		.live = true,
		ENDPOINT(mode),
	},
	{
		.key = "out_mode",
		.def = "0640",
		.help = "Permissions of the .out name (fifo, mqueue)",
		.type = RV_MODE,
		.live = true,
		ENDPOINT(out_mode),
	},
	{
		.key = "owner",
		.def = "",
		.help = "User that owns the names; unset: revd's own",
		.type = RV_USER,
		.live = true,
		ENDPOINT(owner),
	},
	{
		.key = "group",
		.def = "",
		.help = "Group of the names; unset: revd's own",
		.type = RV_GROUP,
		.live = true,
		ENDPOINT(group),
	},
	{
		.key = "max_peers",
		.def = "1024",
		.help = "Clients at a time",
		.type = RV_UINT,
		.live = true,
		.min = 1,
		.max = 1024 * 1024,
		ENDPOINT(max_peers),
	},
	{
		.key = "max_peers_per_uid",
		.def = "",
		.help = "Clients at a time of one user (uds); unset: max_peers alone counts",
		.type = RV_UINT,
		.live = true,
		.min = 1,
		.max = 1024 * 1024,
		ENDPOINT(max_peers_per_uid),
	},
	{
		.key = "max_inflight",
		.def = "64K",
		.help = "Bytes of requests of one client that wait for their reply",
		.type = RV_SIZE,
		.live = true,
		.min = 1,
		.max = GIB,
		ENDPOINT(max_inflight),
	},
	{
		.key = "idle_timeout",
		.def = "0",
		.help = "A client that is silent for so long is let go; 0: never",
		.type = RV_TIME,
		.live = true,
		.min = 0,
		.max = 365 * DAY,
		ENDPOINT(idle_timeout),
	},
	{
		.key = "slow_timeout",
		.def = "10s",
		.help = "A client that takes no replies for so long is cut off",
		.type = RV_TIME,
		.live = true,
		.min = MS,
		.max = DAY,
		ENDPOINT(slow_timeout),
	},
	{
		.key = "spin",
		.def = "0",
		.help = "How long to look for more before sleeping: less latency, more CPU; 0: "
			"never",
		.type = RV_TIME,
		.live = true,
		.min = 0,
		.max = 10 * MS,
		ENDPOINT(spin),
	},
	{0},
};

uint32_t endpoint_option_cap(const struct rv_option *o)
{
	switch (o->offset) {
	case offsetof(struct endpoint_keys, max_peers_per_uid):
		return RV_CAP_PEERCRED;
	case offsetof(struct endpoint_keys, out_mode):
		return RV_CAP_REPLY_TO; /* clients without an address have the .out name */
	default:
		return 0;
	}
}

const struct rv_option service_options[] = {
	{
		.key = "type",
		.def = "",
		.help = "The service to run; unset: the section's NAME",
		.type = RV_STRING,
		SERVICE(type),
	},
	{
		.key = "timeout",
		.def = "30s",
		.help = "How long a reply that comes later may take",
		.type = RV_TIME,
		.live = true,
		.min = MS,
		.max = DAY,
		SERVICE(timeout),
	},
	{0},
};
