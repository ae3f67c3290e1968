#include "fake.h"

#include <stdlib.h>
#include "fake_ops.h"
#include "traffic/traffic.h"

static int service_attach(void *worker, void *svc, const struct rv_service_host *host,
	struct rv_service_worker *handle, struct rv_err *err)
{
	struct fake_service *s = svc;

	(void)worker;
	(void)err;
	s->host = host;
	s->handle = handle;
	*(struct fake_service **)worker = s;
	return 0;
}

static rv_ticket take_ticket(struct fake_service *s, struct rv_reply *reply, uint64_t client)
{
	rv_ticket t = s->host->defer(reply);

	if (!t) {
		return 0; /* no memory */
	}
	ck_assert_uint_lt(s->n_tickets, FAKE_TICKETS);
	s->clients[s->n_tickets] = client;
	s->tickets[s->n_tickets++] = t;
	return t;
}

static int reply_bytes(struct rv_reply *reply, const void *data, size_t n)
{
	uint8_t *p = rv_reply_room(reply, n);

	ck_assert_ptr_nonnull(p);
	if (data) {
		memcpy(p, data, n);
	} else {
		memset(p, 'g', n);
	}
	reply->len = n;
	return RV_STATUS_OK;
}

static int service_call(void *svc, void *worker, const struct rv_request *q, struct rv_reply *reply)
{
	struct fake_service *s = svc;
	char what = q->len ? (char)q->data[0] : '\0';
	char number[16] = "";

	(void)worker;
	s->n_calls++;
	s->early += s->handle->paused;
	s->last_client = q->client;
	if (s->fake->on[FAKE_CALL]) {
		s->fake->on[FAKE_CALL](s->fake, NULL);
	}
	switch (what) {
	case 'd':
		return take_ticket(s, reply, q->client)
			       ? RV_REPLY_LATER
			       : rv_reply_fail(reply, RV_STATUS_INTERNAL, "no ticket");
	case 'e':
		return rv_reply_fail(
			reply, RV_STATUS_INTERNAL, "%.*s", (int)q->len, (const char *)q->data);
	case 'x':
		(void)take_ticket(s, reply, q->client);
		return rv_reply_fail(reply, RV_STATUS_INTERNAL, "no");
	case 'y':
		(void)take_ticket(s, reply, q->client);
		break;
	case 'p':
		s->host->pause(s->handle);
		break;
	case 'g':
		memcpy(number, q->data + 1, MIN(q->len - 1, sizeof(number) - 1));
		return reply_bytes(reply, NULL, strtoul(number, NULL, 10));
	default:
		break;
	}
	return reply_bytes(reply, q->data, q->len);
}

static void service_cancelled(void *worker, rv_ticket ticket)
{
	struct fake_service *s = *(struct fake_service **)worker;

	for (size_t i = 0; i < s->n_tickets; i++) {
		if (s->tickets[i] == ticket) {
			s->tickets[i] = 0;
			s->n_cancelled++;
			if (s->resume_on_cancelled) {
				s->host->resume(s->handle);
			}
			return;
		}
	}
	ck_abort_msg("a ticket is cancelled that was never taken, or twice");
}

static void service_gone(void *worker, uint64_t client)
{
	struct fake_service *s = *(struct fake_service **)worker;

	ck_assert_uint_lt(s->n_gone, FAKE_PEERS);
	s->gone[s->n_gone++] = client;
}

static void service_drain(void *worker)
{
	(*(struct fake_service **)worker)->n_drains++;
}

/* Echoes lines up to one that call() has to see. */
static void service_lines(void *svc, void *worker, struct rv_lines *l)
{
	struct fake_service *s = svc;

	(void)worker;
	s->n_runs++;
	s->early += s->handle->paused;
	ck_assert(l->n > 0 && l->in[l->n - 1] == '\n');
	if (s->lines) {
		s->lines(l);
		return;
	}
	while (l->taken < l->n) {
		const uint8_t *line = l->in + l->taken;
		size_t n =
			(size_t)((const uint8_t *)memchr(line, '\n', l->n - l->taken) - line) + 1;

		if (strchr("depgxy", line[0]) || n > l->max || n > l->room - l->used) {
			return;
		}
		memcpy(l->out + l->used, line, n);
		l->taken += n;
		l->used += n;
		l->lines++;
	}
}

#define SERVICE_OPS                                                                 \
	.magic = REVD_SERVICE_MAGIC, .abi = REVD_SERVICE_ABI,                       \
	.size = sizeof(struct rv_service_ops), .name = "fake", .version = "1",      \
	.worker_size = sizeof(struct fake_service *), .attach = service_attach,     \
	.call = service_call, .cancelled = service_cancelled, .gone = service_gone, \
	.drain = service_drain

const struct rv_service_ops fake_service_ops = {SERVICE_OPS};
const struct rv_service_ops fake_service_lines_ops = {SERVICE_OPS, .lines = service_lines};

void fake_answer_error(struct fake *f, size_t i, enum rv_status status, const char *text)
{
	struct fake_service *s = &f->service;

	ck_assert_uint_lt(i, s->n_tickets);
	s->host->complete(s->handle, s->tickets[i], status, text, strlen(text));
}

void fake_answer(struct fake *f, size_t i, const char *text)
{
	fake_answer_error(f, i, RV_STATUS_OK, text);
}

void fake_resume(struct fake *f)
{
	f->service.host->resume(f->service.handle);
	fake_turn(f);
}
