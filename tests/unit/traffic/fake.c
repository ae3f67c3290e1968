#include "fake.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include "clock.h"
#include "fake_ops.h"
#include "proto/encode.h"
#include "traffic/timeouts.h"
#include "traffic/traffic.h"

#define SECOND UINT64_C(1000000000)

const struct limits fake_limits = {
	.max_request = 1000,
	.max_inflight = 4000,
	.slow_ns = SECOND,
	.fragment_ns = SECOND,
	.service_ns = 10 * SECOND,
};

/* The endpoint. */

static int admit(void *owner, uid_t uid)
{
	struct fake *f = owner;

	(void)uid;
	f->n_admitted += f->admit == 0;
	return f->admit;
}

static void leave(void *owner, uid_t uid)
{
	(void)uid;
	((struct fake *)owner)->n_left++;
}

static void drained(void *owner)
{
	((struct fake *)owner)->n_drained++;
}

static void failed(void *owner, int err)
{
	struct fake *f = owner;

	f->n_failed++;
	f->failed = err;
}

static void down(void *owner, const char *why, bool first)
{
	struct fake *f = owner;

	f->n_first += first;
	*(why ? &f->n_down : &f->n_up) += 1;
	snprintf(f->why, sizeof(f->why), "%s", why ? why : "");
}

static const struct endpoint_hooks hooks = {
	.admit = admit, .leave = leave, .drained = drained, .failed = failed, .down = down};

static int report(char **ret, size_t *ret_n, const char *text)
{
	*ret = strdup(text);
	*ret_n = strlen(text);
	return *ret ? 0 : -1;
}

static int info(const struct rv_instance *in, char **ret, size_t *ret_n)
{
	return report(ret, ret_n, in->down ? "{\"down\":true}" : "{}");
}

static int stats(void *owner, bool histogram, char **ret, size_t *ret_n)
{
	if (histogram) {
		return report(ret, ret_n, "histogram");
	}
	return report(ret, ret_n, ((struct fake *)owner)->why);
}

static const struct endpoint_reports reports = {.info = info, .stats = stats};

/* The scene. */

static void detached(void *owner)
{
	(void)owner;
}

static void add_service(struct fake *f, struct rv_service_worker *sw, struct fake_service *s,
	const struct rv_service_ops *ops)
{
	struct rv_err err;

	s->fake = f;
	*sw = (struct rv_service_worker){.ops = ops,
		.name = "fake",
		.service = s,
		.lines = ops->lines,
		.detached = detached};
	ck_assert_int_eq(traffic_add_service(&f->traffic, sw, &err), 0);
}

static struct instance_settings settings(struct rv_service_worker *sw, const struct limits *l)
{
	return (struct instance_settings){
		.name = "it", .address = "fake:it", .service = sw, .limits = *l};
}

void fake_open(struct fake *f, uint32_t caps, bool with_lines)
{
	struct rv_err err;
	struct instance_settings s;

	memset(f, 0, sizeof(*f));
	log_set_level(LOG_EMERG);
	f->base = worker_base_new();
	ck_assert_ptr_nonnull(f->base);
	ck_assert_int_eq(traffic_start(&f->traffic, 0, f->base), 0);
	f->ops = fake_backend_ops;
	f->ops.caps = caps;
	add_service(f, &f->worker, &f->service,
		with_lines ? &fake_service_lines_ops : &fake_service_ops);
	ck_assert_int_eq(instance_init(&f->in, &f->traffic, &f->ops, &hooks, &reports, f), 0);
	s = settings(&f->worker, &fake_limits);
	ck_assert_int_eq(instance_attach(&f->in, f, &s, NULL, &err), 0);
}

void fake_replace_service(struct fake *f)
{
	struct instance_settings s = settings(&f->next_worker, &f->in.limits);

	add_service(f, &f->next_worker, &f->next_service, &fake_service_ops);
	instance_update(&f->in, &s);
	traffic_retire_service(&f->traffic, &f->worker);
}

void fake_close(struct fake *f)
{
	if (f->in.attached) {
		instance_detach(&f->in);
	}
	instance_finish(&f->in);
	if (!f->next_worker.attached) {
		traffic_retire_service(&f->traffic, &f->worker);
	}
	traffic_retire_service(&f->traffic, &f->next_worker);
	traffic_stop(&f->traffic);
	ck_assert_msg(!f->worker.attached && !f->next_worker.attached, "a service stays");
	event_base_free(f->base);
	for (size_t i = 0; i < f->n_peers; i++) {
		bytes_free(&f->peers[i].out);
	}
	ck_assert_uint_eq(f->n_admitted, f->n_left);
	libevent_global_shutdown();
}

void fake_turn(struct fake *f)
{
	ck_assert(worker_turn(&f->traffic.worker, false));
}

void fake_pass(struct fake *f, uint64_t ns)
{
	clock_pass(ns);
	(void)worker_renow(&f->traffic.worker);
	(void)timeouts_check(&f->traffic);
	fake_turn(f);
}

/* Words for tests. */

enum rv_next fake_say(struct fake *f, struct fake_peer *p, const char *text)
{
	return fake_bytes(f, p, text, strlen(text));
}

size_t fake_frame(uint8_t *buf, uint8_t op, uint8_t flags, uint64_t id, const char *to,
	const void *text, size_t n)
{
	const struct encode_request q = {
		.op = op, .id = id, .token = to, .token_n = to ? strlen(to) : 0};

	return encode_request(buf, &q, flags & RV_FRAME_MORE, text, n);
}

enum rv_next fake_ask(struct fake *f, struct fake_peer *p, uint8_t op, uint8_t flags, uint64_t id,
	const char *to, const char *text)
{
	uint8_t buf[4096];
	size_t n = fake_frame(buf, op, flags, id, to, text, strlen(text));

	return p->info.flags & RV_PEER_STREAM ? fake_bytes(f, p, buf, n)
					      : fake_message(f, p, buf, n, 0, NULL);
}

size_t fake_script(uint8_t *p, const char *to)
{
	static uint8_t large[1200];
	uint8_t *at = p;

	at += sprintf((char *)at, "uno\n\r\n\notra\r\neh\n%*s\n", 1100, "x");
	at += fake_frame(at, RV_OP_CALL, 0, 1, to, "hola", 4);
	at += fake_frame(at, RV_OP_CALL, RV_FRAME_MORE, 2, to, "jo", 2);
	at += sprintf((char *)at, "tres\n");
	at += fake_frame(at, RV_OP_PING, 0, 3, to, "", 0);
	at += fake_frame(at, RV_OP_CALL, 0, 2, to, "ined", 4);
	at += fake_frame(at, RV_OP_CALL, 0, 4, to, large, sizeof(large));
	at += fake_frame(at, 9, 0, 5, to, "what", 4);
	at += sprintf((char *)at, "c\xc3\xb3mo\ng900\ncuatro\n");
	return (size_t)(at - p);
}

void fake_expect(struct fake_peer *p, const char *want)
{
	size_t n = strlen(want);

	ck_assert_msg(p->out.len == n && (n == 0 || memcmp(bytes_head(&p->out), want, n) == 0),
		"'%.*s' was sent, not '%s'", (int)p->out.len, (char *)bytes_head(&p->out), want);
	ck_assert_msg(p->n_flushed == p->out.len, "not all is flushed");
	bytes_take(&p->out, n);
	p->n_flushed = 0;
}

void fake_expect_frame(struct fake_peer *p, uint64_t id, uint8_t status, const char *text)
{
	size_t n = strlen(text);
	struct rv_frame head;
	const uint8_t *at = bytes_head(&p->out);

	ck_assert_msg(p->out.len >= RV_FRAME_HEADER, "no frame was sent");
	ck_assert_uint_eq(at[0], RV_FRAME_MAGIC);
	rv_frame_load(at, &head);
	ck_assert_uint_eq(head.version, RV_FRAME_VERSION);
	ck_assert_uint_eq(head.flags, RV_FRAME_REPLY);
	ck_assert_uint_eq(head.id, id);
	ck_assert_uint_eq(head.code, status);
	ck_assert_msg(head.length == n && memcmp(at + RV_FRAME_HEADER, text, n) == 0,
		"'%.*s' was sent, not '%s'", (int)head.length, (const char *)at + RV_FRAME_HEADER,
		text);
	ck_assert_msg(p->n_flushed >= RV_FRAME_HEADER + n, "not all is flushed");
	bytes_take(&p->out, RV_FRAME_HEADER + n);
	p->n_flushed -= RV_FRAME_HEADER + n;
}
