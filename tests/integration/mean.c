/* The service `mean`, over every transport. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/scene.h"
#include "common/stage.h"
#include "util/macro.h"

#define COURSE 1000000

/* `service` of all endpoints of the usual rig. */
static void mean_open(struct scene *s, int transport, const char *global, const char *keys)
{
	CLEANUP_FREE char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "[revd]\n%s%s[service.reverse]\ntype = mean\n%s", global,
				 rig_all, keys),
		0);
	rig_start(&s->rig, text);
	client_open(&s->client, &s->rig, (enum transport)transport);
}

START_TEST(values)
{
	struct scene s;

	mean_open(&s, _i, "", "");
	client_expect_text(&s.client, "4 5 5", "4.67");
	client_expect_text(&s.client, "1.5,\t2.5, -4", "0.00");
	client_expect_text(&s.client, "-0.001", "0.00");
	client_expect_text(&s.client, "1e308 1e308 -1e308 -1e308 5", "1.00");
	client_expect_call(&s.client, 1, "6.5\n7\n\n", "6.75");
	scene_close(&s);
}
END_TEST

static void expect_refused(struct scene *s, const char *text, const char *sentence)
{
	struct reply r;

	client_send_frame(&s->client, RV_OP_CALL, 0, 7, text, strlen(text));
	client_recv_frame(&s->client, &r, 7, RV_STATUS_INVALID_TEXT);
	ck_assert_uint_eq(r.n, strlen(sentence));
	ck_assert_mem_eq(r.data, sentence, r.n);
}

START_TEST(refused)
{
	struct scene s;

	mean_open(&s, _i, "", "");
	client_send_text(&s.client, "1 2 1.2.3");
	client_expect_nak(&s.client, "invalid-text", "item 3, '1.2.3': not a number");
	expect_refused(&s, "", "there is no number");
	expect_refused(&s, "1\nNaN", "item 2, 'NaN': not a number");
	expect_refused(&s, "-inf", "item 1, '-inf': not a number");
	expect_refused(&s, "1e400", "item 1, '1e400': out of range");
	client_expect_text(&s.client, "1", "1.00");
	scene_close(&s);
}
END_TEST

START_TEST(million)
{
	static char text[COURSE * 4];
	struct scene s;
	uint8_t *reply;
	size_t n;

	for (size_t i = 0; i < COURSE; i++) {
		memcpy(text + 4 * i, i % 4 ? "4.5 " : "7.0\n", 4);
	}
	mean_open(&s, _i, "max_request = 8M\n", "decimals = 3\n");
	client_send_large(&s.client, RV_OP_CALL, 9, text, sizeof text);
	reply = client_recv_joined(&s.client, 9, RV_STATUS_OK, &n);
	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(reply, "5.125", 5);
	free(reply);
	scene_close(&s);
}
END_TEST

START_TEST(reload)
{
	static const char text[] = "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
				   "service = mean\n[service.mean]\ndecimals = ";
	struct scene s;
	char more[256];

	snprintf(more, sizeof more, "%s0\n", text);
	rig_start(&s.rig, more);
	client_open(&s.client, &s.rig, STREAM);
	client_expect_text(&s.client, "4 5 5", "5");
	snprintf(more, sizeof more, "%s17\n", text);
	rig_write(&s.rig, "revd.conf", more);
	rig_reload(&s.rig);
	client_expect_text(&s.client, "0.1", "0.10000000000000001");
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mean");
	TCase *tc = stage_tcase("all");

	tcase_add_loop_test(tc, values, 0, TRANSPORTS);
	tcase_add_loop_test(tc, refused, 0, TRANSPORTS);
	tcase_add_loop_test(tc, million, 0, TRANSPORTS);
	tcase_add_test(tc, reload);
	suite_add_tcase(s, tc);
	return stage_run(s);
}
