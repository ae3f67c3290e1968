/* Unicode's own grapheme tests, every line of them, through the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/scene.h"
#include "common/stage.h"
#include "util/macro.h"

/* UAX #29. A line: "÷ 0061 × 0308 ÷ 0062 ÷	# comment". */
#define BREAK_TEST GRAPHEME_BREAK_TEST
#define BREAK "÷"
#define NO_BREAK "×"

struct sample {
	char text[256], reversed[256];
	size_t n;
};

static size_t put_utf8(char *to, unsigned long c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Puts the cluster at the end of the text and in front of the reversed one. */
static void sample_add(struct sample *s, const char *cluster, size_t n)
{
	ck_assert_uint_lt(s->n + n, sizeof s->text);
	memcpy(s->text + s->n, cluster, n);
	memmove(s->reversed + n, s->reversed, s->n);
	memcpy(s->reversed, cluster, n);
	s->n += n;
}

/* False: the line has no sample. */
static bool sample_parse(struct sample *s, char *line)
{
	char cluster[128], *save = NULL;
	size_t n = 0;

	memset(s, 0, sizeof *s);
	line[strcspn(line, "#\n")] = '\0';
	for (char *w = strtok_r(line, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (strcmp(w, BREAK) == 0) {
			sample_add(s, cluster, n);
			n = 0;
		} else if (strcmp(w, NO_BREAK) != 0) {
			ck_assert_uint_lt(n + 4, sizeof cluster);
			n += put_utf8(cluster + n, strtoul(w, NULL, 16));
		}
	}
	return s->n > 0;
}

static void expect_sample(struct client *c, const struct sample *s, uint64_t number)
{
	struct reply r;

	client_send_frame(c, RV_OP_CALL, 0, number, s->text, s->n);
	client_recv_frame(c, &r, number, RV_STATUS_OK);
	ck_assert_msg(r.n == s->n && memcmp(r.data, s->reversed, s->n) == 0,
		"line %u of " BREAK_TEST " is reversed wrongly", (unsigned)number);
}

START_TEST(every_line_of_the_break_test)
{
	FILE *f = fopen(BREAK_TEST, "re");
	struct sample sample;
	struct scene s;
	char line[1024];
	size_t samples = 0;

	ck_assert_msg(f != NULL, BREAK_TEST " is missing");
	scene_open(&s, _i, "");
	for (uint64_t i = 1; fgets(line, sizeof line, f); i++) {
		if (sample_parse(&sample, line)) {
			expect_sample(&s.client, &sample, i);
			samples++;
		}
	}
	fclose(f);
	ck_assert_uint_eq(samples, 766);
	scene_close(&s);
}
END_TEST

/* What the units and the ways with invalid bytes make of the same text. */
static const struct {
	const char *keys;
	const char *text, *reply; /* reply NULL: invalid-text */
} services[] = {
	{"unit = grapheme\n", "e\xcc\x81🇪🇸", "🇪🇸e\xcc\x81"},
	{"unit = codepoint\n", "e\xcc\x81🇪🇸",
		"🇸🇪\xcc\x81"
		"e"},
	{"unit = byte\ninvalid = bytes\n", "\xc3\xb1o", "o\xb1\xc3"},
	{"unit = grapheme\ninvalid = reject\n", "a\xff", NULL},
	{"unit = codepoint\ninvalid = reject\n", "a\xff", NULL},
	{"unit = grapheme\ninvalid = replace\n", "ab\xffz",
		"z\xef\xbf\xbd"
		"ba"},
	/* maximal subparts, table 3-8 of the Unicode standard */
	{"unit = codepoint\ninvalid = replace\n", "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41",
		"A\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	{"unit = grapheme\ninvalid = bytes\n", "a\xffñ",
		"\xb1\xc3\xff"
		"a"},
};

START_TEST(units_and_invalid_bytes)
{
	CLEANUP_FREE char *config = NULL;
	struct client c;
	struct rig rig;

	ck_assert_int_gt(asprintf(&config,
				 "[service.text]\ntype = reverse\n%s"
				 "[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
				 "service = text\n",
				 services[_i].keys),
		0);
	rig_start(&rig, config);
	client_open(&c, &rig, STREAM);
	if (services[_i].reply) {
		client_expect_text(&c, services[_i].text, services[_i].reply);
		client_expect_call(&c, 1, services[_i].text, services[_i].reply);
	} else {
		client_send_text(&c, services[_i].text);
		client_expect_nak(&c, "invalid-text", NULL);
	}
	client_close(&c);
	rig_finish(&rig);
}
END_TEST

/* The locale of the daemon decides nothing. */
START_TEST(locale_does_not_matter)
{
	static const char *const locales[] = {"LC_ALL=C", "LC_ALL=es_ES.ISO-8859-1", "LC_ALL=xx"};
	const char *env[] = {locales[_i], NULL};
	struct scene s;

	rig_init(&s.rig);
	rig_write(&s.rig, "revd.conf", rig_all);
	rig_launch(&s.rig, &(struct launch){.env = env});
	client_open(&s.client, &s.rig, STREAM);
	client_expect_text(&s.client, "¿Qué? 🇪🇸 e\xcc\x81", "e\xcc\x81 🇪🇸 ?éuQ¿");
	scene_close(&s);
}
END_TEST

/* A mebibyte of what is hardest, in one frame. */
static const char *const hard[] = {
	"\xcc\x81", "👩‍👩‍👧‍👦\xe2\x80\x8d", "🇪", "\xe1\x84\x80", "a\r\n"};

START_TEST(a_mebibyte_of_hard_text)
{
	enum { MAX = 1 << 20 };
	CLEANUP_FREE char *text = malloc(MAX);
	CLEANUP_FREE uint8_t *got = NULL;
	size_t unit = strlen(hard[_i]), n = 0, m;
	struct scene s;

	while (n + unit <= MAX) {
		memcpy(text + n, hard[_i], unit);
		n += unit;
	}
	scene_open(&s, STREAM, "");
	client_send_frame(&s.client, RV_OP_CALL, 0, 1, text, n);
	got = client_recv_joined(&s.client, 1, RV_STATUS_OK, &m);
	ck_assert_uint_eq(m, n);
	client_expect_call(&s.client, 2, "uno", "onu");
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = stage_tcase("text");

	tcase_add_loop_test(t, every_line_of_the_break_test, 0, TRANSPORTS);
	tcase_add_loop_test(t, units_and_invalid_bytes, 0, ARRAY_SIZE(services));
	tcase_add_loop_test(t, locale_does_not_matter, 0, 3);
	tcase_add_loop_test(t, a_mebibyte_of_hard_text, 0, ARRAY_SIZE(hard));
	suite_add_tcase(s, t);
	return stage_run(s);
}
