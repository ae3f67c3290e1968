#include "daemon/idle.h"

#include <event2/event.h>
#include "util/clock.h"
#include "util/log.h"
#include "util/macro.h"

#define LOOKS 4u /* in the time */
#define LEAST_US 50000u

static void end(struct idle *i)
{
	log_info("nobody has asked anything for exit_on_idle: the next request starts revd again");
	i->ended = true;
	event_base_loopbreak(event_get_base(i->timer));
}

/* Between two events nobody can come, but on other threads: these halt first. Who has come
 * meanwhile after all is served by the process that this one becomes. */
static void end_if_idle(struct idle *i)
{
	event_del(i->timer);
	if (server_halt_if_idle(i->server)) {
		end(i);
	} else if (!restart_begin(i->restart, RESTART_BY_EXEC)) {
		log_error("somebody came while it was about to end, and is not served");
		event_base_loopbreak(event_get_base(i->timer));
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct idle *i = arg;
	const struct server_activity a = server_activity(i->server);
	uint64_t now = clock_now();

	(void)fd;
	(void)what;
	if (a.requests != i->requests || a.connections > 0 || server_is_unfinished(i->server)) {
		i->requests = a.requests;
		i->since_ns = now;
	} else if (now - i->since_ns >= i->timeout_us * 1000) {
		end_if_idle(i);
	}
}

static void stop(struct idle *i)
{
	if (i->timer) {
		event_free(TAKE_PTR(i->timer));
	}
}

void idle_apply(struct idle *i, struct event_base *base, const struct config *config)
{
	uint64_t us = config->global.exit_on_idle;
	uint64_t period = MAX(us / LOOKS, (uint64_t)LEAST_US);
	const struct timeval tv = {
		.tv_sec = (time_t)(period / 1000000), .tv_usec = (suseconds_t)(period % 1000000)};
	const char *name = us ? server_find_own(i->server) : NULL;

	stop(i);
	if (name) {
		log_warning("exit_on_idle has no effect: nothing but revd holds the name of "
			    "endpoint %s; it needs a socket unit",
			name);
	}
	if (!us || name) {
		return;
	}
	i->timeout_us = us;
	i->since_ns = clock_now();
	i->timer = event_new(base, -1, EV_PERSIST, on_timer, i);
	if (!i->timer || event_add(i->timer, &tv) < 0) {
		log_error("exit_on_idle: out of memory");
		stop(i);
	}
}

void idle_finish(struct idle *i)
{
	stop(i);
}
