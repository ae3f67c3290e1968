#include "exec/requests.h"

#include "util/clock.h"

/* Takes it out of the list; one more may be run. */
static void take_out(struct requests *s, struct run *r)
{
	struct run **at = &s->first;

	while (*at != r) {
		at = &(*at)->next;
	}
	*at = r->next;
	s->n--;
	if (s->paused) {
		s->paused = false;
		s->ground.host->resume(s->ground.handle);
	}
}

static void on_ended(void *ctx, struct run *r, enum rv_status status, const void *data, size_t n)
{
	struct requests *s = ctx;

	take_out(s, r);
	s->ground.host->complete(s->ground.handle, r->ticket, status, data, n);
	run_destroy(r);
}

void requests_init(struct requests *s, const struct rv_service_host *host,
	struct rv_service_worker *handle, const struct program *program)
{
	s->reaper.base = host->event_base(handle);
	s->ground = (struct run_ground){.host = host,
		.handle = handle,
		.program = program,
		.reaper = &s->reaper,
		.ctx = s,
		.ended = on_ended};
}

void requests_finish(struct requests *s)
{
	while (s->first) {
		struct run *r = s->first;

		s->first = r->next;
		run_destroy(r);
	}
	reaper_finish(&s->reaper);
}

int requests_call(struct requests *s, const struct rv_request *q, struct rv_reply *reply)
{
	char why[RUN_WHY];
	struct run *r = run_create(&s->ground, q, why);

	if (!r) {
		if (log_allow(&s->limit, clock_now(), &(uint32_t){0})) {
			s->ground.host->log(s->ground.handle, LOG_ERR, "its program %s", why);
		}
		return rv_reply_fail(reply, RV_STATUS_INTERNAL, "the program %s", why);
	}
	r->ticket = reply->host->defer(reply);
	if (!r->ticket) {
		run_destroy(r);
		return rv_reply_fail(reply, RV_STATUS_INTERNAL, "out of memory");
	}
	r->next = s->first;
	s->first = r;
	s->n++;
	if (s->n >= s->share(s->ctx)) {
		s->paused = true;
		s->ground.host->pause(s->ground.handle);
	}
	return RV_REPLY_LATER;
}

void requests_cancel(struct requests *s, rv_ticket ticket)
{
	struct run *r = s->first;

	while (r && r->ticket != ticket) {
		r = r->next;
	}
	if (r) {
		take_out(s, r);
		run_destroy(r);
	}
}
