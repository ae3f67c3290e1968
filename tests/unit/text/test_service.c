/* The services reverse and echo, called as the core calls them. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "common/runner.h"
#include "service/builtin.h"
#include "text/text.h"
#include "util/macro.h"

extern const struct rv_service_ops echo_service, refuse_service, reverse_service;

/* A host with little room at first, that gives more on demand up to a limit. */
struct host {
	struct rv_reply reply; /* first, so that room() finds the host */
	uint8_t first[256];
	uint8_t *more;
	size_t limit;
};

static uint8_t *host_room(struct rv_reply *reply, size_t n)
{
	struct host *h = CONTAINER_OF(reply, struct host, reply);

	if (n > h->limit) {
		return NULL;
	}
	free(h->more);
	/* Exactly as much as was asked for, so that a sanitizer sees any more. */
	h->more = malloc(n);
	reply->data = h->more;
	reply->room = n;
	return h->more;
}

static const struct rv_service_host host_ops = {.size = sizeof(host_ops), .room = host_room};

static void host_init(struct host *h, size_t limit)
{
	*h = (struct host){.limit = limit, .reply = {.host = &host_ops}};
	h->reply.data = h->first;
	h->reply.room = sizeof(h->first);
}

static const struct rv_option *find_option(const struct rv_service_ops *ops, const char *key)
{
	for (const struct rv_option *o = ops->options; o->key; o++) {
		if (strcmp(o->key, key) == 0) {
			return o;
		}
	}
	ck_abort_msg("no option %s", key);
	return NULL;
}

/* What the config layer does: the index of the choice into the field. */
static void set_choice(
	const struct rv_service_ops *ops, void *cfg, const char *key, const char *value)
{
	const struct rv_option *o = find_option(ops, key);
	int i = 0;

	ck_assert_int_eq(o->type, RV_ENUM);
	while (strcmp(o->choices[i], value) != 0) {
		i++;
	}
	memcpy((uint8_t *)cfg + o->offset, &i, sizeof(i));
}

/* Calls reverse with that configuration; NULL: the default of the table. */
static int call_reverse(
	struct host *h, const char *unit, const char *invalid, const void *data, size_t n)
{
	const struct rv_service_ops *ops = &reverse_service;
	struct rv_request req = {.data = data, .len = n, .uid = (uid_t)-1};
	CLEANUP_FREE void *cfg = calloc(1, ops->config_size);
	CLEANUP_FREE void *svc = calloc(1, ops->service_size);
	struct rv_err err;
	int status;

	set_choice(ops, cfg, "unit", unit ? unit : find_option(ops, "unit")->def);
	set_choice(ops, cfg, "invalid", invalid ? invalid : find_option(ops, "invalid")->def);
	ck_assert_int_eq(ops->open(svc, cfg, &err), 0);
	status = ops->call(svc, NULL, &req, &h->reply);
	return status;
}

static void check_reverse(const char *unit, const char *invalid, const void *data, size_t n,
	int status, const void *expected, size_t expected_n)
{
	struct host h;

	host_init(&h, SIZE_MAX);
	ck_assert_int_eq(call_reverse(&h, unit, invalid, data, n), status);
	ck_assert_uint_eq(h.reply.len, expected_n);
	ck_assert(expected_n == 0 || memcmp(h.reply.data, expected, expected_n) == 0);
	free(h.more);
}

static void check_text(
	const char *unit, const char *invalid, const char *data, int status, const char *expected)
{
	check_reverse(unit, invalid, data, strlen(data), status, expected, strlen(expected));
}

START_TEST(tables)
{
	static const struct rv_service_ops *const all[] = {
		&reverse_service, &echo_service, &refuse_service};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		ck_assert_uint_eq(all[i]->magic, REVD_SERVICE_MAGIC);
		ck_assert_uint_eq(all[i]->abi, REVD_SERVICE_ABI);
		ck_assert_uint_eq(all[i]->size, sizeof(struct rv_service_ops));
		ck_assert(all[i]->call);
		ck_assert(all[i]->options);
	}
	ck_assert_str_eq(reverse_service.name, "reverse");
	ck_assert_str_eq(echo_service.name, "echo");
	ck_assert_str_eq(find_option(&reverse_service, "unit")->def, "grapheme");
	ck_assert_str_eq(find_option(&reverse_service, "invalid")->def, "reject");
}
END_TEST

START_TEST(units)
{
	check_text(NULL, NULL, "se\u00F1or e\u0301", RV_STATUS_OK, "e\u0301 ro\u00F1es");
	check_text(
		"grapheme", NULL, "a\U0001F1EA\U0001F1F8", RV_STATUS_OK, "\U0001F1EA\U0001F1F8a");
	check_text(
		"codepoint", NULL, "a\U0001F1EA\U0001F1F8", RV_STATUS_OK, "\U0001F1F8\U0001F1EAa");
	check_text("byte", NULL, "a\u00F1", RV_STATUS_OK, "\xB1\xC3\x61");
}
END_TEST

START_TEST(empty_text)
{
	static const char *const policies[] = {"reject", "replace", "bytes"};

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		check_reverse("grapheme", policies[i], "", 0, RV_STATUS_OK, "", 0);
		check_reverse("codepoint", policies[i], NULL, 0, RV_STATUS_OK, "", 0);
		check_reverse("byte", policies[i], NULL, 0, RV_STATUS_OK, "", 0);
	}
}
END_TEST

START_TEST(binary_by_bytes)
{
	uint8_t all[256], expected[256];

	for (unsigned i = 0; i < 256; i++) {
		all[i] = (uint8_t)i;
		expected[255 - i] = (uint8_t)i;
	}
	check_reverse("byte", "reject", all, sizeof(all), RV_STATUS_OK, expected, sizeof(expected));
}
END_TEST

START_TEST(invalid_rejected)
{
	static const char sentence[] = "not valid UTF-8 at byte 17";

	check_text("grapheme", NULL, "diecisiete bytes \xFF!", RV_STATUS_INVALID_TEXT, sentence);
	check_text("codepoint", "reject", "diecisiete bytes \xE2\x82", RV_STATUS_INVALID_TEXT,
		sentence);
	check_text(
		"grapheme", "reject", "\x80", RV_STATUS_INVALID_TEXT, "not valid UTF-8 at byte 0");
}
END_TEST

START_TEST(invalid_replaced)
{
	check_text("grapheme", "replace", "a\xFF\u00F1", RV_STATUS_OK, "\u00F1\uFFFD\x61");
	check_text("codepoint", "replace", "\xE2\x82z", RV_STATUS_OK, "z\uFFFD");
	/* A mark after what was replaced belongs to the replacement. */
	check_text("grapheme", "replace", "a\xFF\u0301z", RV_STATUS_OK, "z\uFFFD\u0301a");
	check_text("codepoint", "replace", "a\xFF\u0301z", RV_STATUS_OK, "z\u0301\uFFFD\x61");
	check_text("grapheme", "replace", "bien", RV_STATUS_OK, "neib");
}
END_TEST

START_TEST(invalid_as_bytes)
{
	/* All of the text, not only what is broken. */
	check_text("grapheme", "bytes", "a\xFF\u00F1", RV_STATUS_OK, "\xB1\xC3\xFF\x61");
	check_text("codepoint", "bytes", "\u00F1", RV_STATUS_OK, "\u00F1");
}
END_TEST

START_TEST(replacing_grows)
{
	struct host h;
	uint8_t bad[1000];

	memset(bad, 0xFF, sizeof(bad));
	host_init(&h, SIZE_MAX);
	ck_assert_int_eq(call_reverse(&h, "grapheme", "replace", bad, sizeof(bad)), RV_STATUS_OK);
	ck_assert_uint_eq(h.reply.len, TEXT_REPAIR_GROWTH * sizeof(bad));
	for (size_t i = 0; i < h.reply.len; i += 3) {
		ck_assert_mem_eq(h.reply.data + i, TEXT_REPLACEMENT, 3);
	}
	free(h.more);
}
END_TEST

START_TEST(no_memory)
{
	struct host h;
	uint8_t text[1000];

	memset(text, 'x', sizeof(text));
	host_init(&h, 256);
	ck_assert_int_eq(
		call_reverse(&h, "grapheme", NULL, text, sizeof(text)), RV_STATUS_INTERNAL);
	ck_assert_uint_eq(h.reply.len, 0);
	/* There is room for the text but not for the repaired one. */
	memset(text, 0xFF, sizeof(text));
	host_init(&h, sizeof(text));
	ck_assert_int_eq(
		call_reverse(&h, "grapheme", "replace", text, sizeof(text)), RV_STATUS_INTERNAL);
	free(h.more);
}
END_TEST

START_TEST(any_locale)
{
	static const char *const locales[] = {"C", "C.UTF-8", "POSIX"};

	for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
		ck_assert_msg(setlocale(LC_ALL, locales[i]), "no locale %s", locales[i]);
		check_text("grapheme", NULL, "\u00F1\u0301I\u0130", RV_STATUS_OK,
			"\u0130I\u00F1\u0301");
	}
}
END_TEST

START_TEST(echoes)
{
	static const uint8_t data[] = "a\0\xFF\r\n";
	struct rv_request req = {.data = data, .len = sizeof(data)};
	struct host h;

	host_init(&h, SIZE_MAX);
	ck_assert_int_eq(echo_service.call(NULL, NULL, &req, &h.reply), RV_STATUS_OK);
	ck_assert_uint_eq(h.reply.len, sizeof(data));
	ck_assert_mem_eq(h.reply.data, data, sizeof(data));

	req = (struct rv_request){.data = NULL, .len = 0};
	ck_assert_int_eq(echo_service.call(NULL, NULL, &req, &h.reply), RV_STATUS_OK);
	ck_assert_uint_eq(h.reply.len, 0);

	host_init(&h, 0);
	req = (struct rv_request){.data = data, .len = sizeof(h.first) + 1};
	ck_assert_int_eq(echo_service.call(NULL, NULL, &req, &h.reply), RV_STATUS_INTERNAL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("service");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, tables);
	tcase_add_test(tc, units);
	tcase_add_test(tc, empty_text);
	tcase_add_test(tc, binary_by_bytes);
	tcase_add_test(tc, invalid_rejected);
	tcase_add_test(tc, invalid_replaced);
	tcase_add_test(tc, invalid_as_bytes);
	tcase_add_test(tc, replacing_grows);
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, any_locale);
	tcase_add_test(tc, echoes);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return runner_run(make_suite());
}
