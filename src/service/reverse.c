/* The service `reverse`: the text of the request, its last unit first. */
#include <event2/event.h>
#include <revd/service.h>
#include "text/text.h"

/* What to do with text that is not valid UTF-8. */
enum invalid {
	INVALID_REJECT,
	INVALID_REPLACE,
	INVALID_BYTES,
};

struct reverse_config {
	int unit;    /* enum text_unit */
	int invalid; /* enum invalid */
};

struct reverse_service {
	struct reverse_config config;
	const struct text_kernel *kernel;
};

/* The index is the value: both follow their enum. */
static const char *const unit_choices[] = {"grapheme", "codepoint", "byte", NULL};
static const char *const invalid_choices[] = {"reject", "replace", "bytes", NULL};

static const struct rv_option reverse_options[] = {
	{.key = "unit",
		.def = "grapheme",
		.help = "What stays whole: a user-perceived character, a code point, a byte",
		.type = RV_ENUM,
		.choices = unit_choices,
		.offset = offsetof(struct reverse_config, unit)},
	{.key = "invalid",
		.def = "reject",
		.help = "Text that is not UTF-8: refuse it, put U+FFFD, reverse its bytes",
		.type = RV_ENUM,
		.choices = invalid_choices,
		.offset = offsetof(struct reverse_config, invalid)},
	{.key = NULL},
};

static int reverse_open(void *svc, const void *cfg, struct rv_err *err)
{
	struct reverse_service *s = svc;

	(void)err;
	s->config = *(const struct reverse_config *)cfg;
	s->kernel = text_kernel_best();
	return 0;
}

/* The repaired text is made where the reply goes and turned round there. */
static int reply_repaired(enum text_unit unit, const struct rv_request *req, struct rv_reply *reply)
{
	size_t n = text_repair_size(req->data, req->len);
	uint8_t *p = rv_reply_room(reply, n);

	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	text_repair(req->data, req->len, p);
	text_reverse_in_place(unit, p, n);
	reply->len = n;
	return RV_STATUS_OK;
}

static int reply_invalid(const struct reverse_service *s, const struct rv_request *req,
	struct rv_reply *reply, size_t bad)
{
	switch ((enum invalid)s->config.invalid) {
	case INVALID_REPLACE:
		return reply_repaired((enum text_unit)s->config.unit, req, reply);
	case INVALID_BYTES:
		reply->len = req->len;
		(void)s->kernel->reverse[TEXT_BYTE](req->data, req->len, reply->data, &bad);
		return RV_STATUS_OK;
	case INVALID_REJECT:
		break;
	}
	return rv_reply_fail(reply, RV_STATUS_INVALID_TEXT, "not valid UTF-8 at byte %zu", bad);
}

static int reverse_call(
	void *svc, void *worker, const struct rv_request *req, struct rv_reply *reply)
{
	const struct reverse_service *s = svc;
	uint8_t *p = rv_reply_room(reply, req->len);
	size_t bad;

	(void)worker;
	if (!p) {
		return RV_STATUS_INTERNAL;
	}
	if (s->kernel->reverse[s->config.unit](req->data, req->len, p, &bad) < 0) {
		return reply_invalid(s, req, reply, bad);
	}
	reply->len = req->len;
	return RV_STATUS_OK;
}

static void reverse_lines(void *svc, void *worker, struct rv_lines *l)
{
	const struct reverse_service *s = svc;
	struct text_lines t = {
		.src = l->in, .n = l->n, .dst = l->out, .room = l->room, .max = l->max};

	(void)worker;
	text_reverse_lines(s->kernel, (enum text_unit)s->config.unit, &t);
	l->taken = l->used = t.taken;
	l->lines = t.lines;
}

extern const struct rv_service_ops reverse_service;

const struct rv_service_ops reverse_service = {
	.magic = REVD_SERVICE_MAGIC,
	.abi = REVD_SERVICE_ABI,
	.size = sizeof(struct rv_service_ops),
	.libevent = LIBEVENT_VERSION_NUMBER,
	.name = "reverse",
	.version = REVD_VERSION,
	.config_size = sizeof(struct reverse_config),
	.service_size = sizeof(struct reverse_service),
	.options = reverse_options,
	.open = reverse_open,
	.call = reverse_call,
	.lines = reverse_lines,
};
