/* Which words are near, and which are not. */
#include <stdint.h>
#include <string.h>
#include "common/runner.h"
#include "util/suggest.h"
#include "util/macro.h"

static const struct {
	const char *a, *b;
	size_t distance;
} distances[] = {
	{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"mode", "mode", 0}, {"MODE", "mode", 0},
	{"mdoe", "mode", 1}, {"mod", "mode", 1}, {"modes", "mode", 1}, {"made", "mode", 1},
	{"kitten", "sitting", 3}, {"transprot", "transport", 1},
	{"ca", "abc", 3}, /* optimal string alignment; without the restriction it is 2 */
};

START_TEST(distance)
{
	const char *a = distances[_i].a, *b = distances[_i].b;

	ck_assert_uint_eq(suggest_distance(a, b), distances[_i].distance);
	ck_assert_uint_eq(suggest_distance(b, a), distances[_i].distance);
}
END_TEST

START_TEST(distance_of_long_words)
{
	char a[66];

	memset(a, 'x', sizeof(a));
	a[65] = '\0';
	ck_assert_uint_eq(suggest_distance(a, "x"), SIZE_MAX);
	ck_assert_uint_eq(suggest_distance("x", a), SIZE_MAX);
	ck_assert_uint_eq(suggest_distance(a + 1, "x"), 63);
}
END_TEST

static const struct {
	const char *word, *best;
} words[] = {
	{"transprot", "transport"},
	{"Transport", "transport"},
	{"modee", "mode"},
	{"warn", "warning"},
	{"wa", NULL},
	{"max_peer", "max_peers"},
	{"m", NULL},
	{"completely else", NULL},
	{"", NULL},
};

START_TEST(best_of_some)
{
	static const char *const names[] = {"transport", "mode", "warning", "max_peers", "uds"};
	struct suggest s;

	suggest_init(&s, words[_i].word);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		suggest_add(&s, names[i]);
	}
	ck_assert_pstr_eq(s.best, words[_i].best);
}
END_TEST

START_TEST(the_nearest_wins_and_then_the_first)
{
	struct suggest s;

	suggest_init(&s, "backlgo");
	suggest_add(&s, "backup");
	suggest_add(&s, "backlog");
	suggest_add(&s, "backlig");
	ck_assert_str_eq(s.best, "backlog");
	suggest_init(&s, "udx");
	suggest_add(&s, "uds");
	suggest_add(&s, "udp");
	ck_assert_str_eq(s.best, "uds");
}
END_TEST

START_TEST(text)
{
	char buf[SUGGEST_TEXT];
	struct suggest s;

	suggest_init(&s, "fifi");
	ck_assert_str_eq(suggest_text(&s, buf), "");
	suggest_add(&s, "fifo");
	ck_assert_str_eq(suggest_text(&s, buf), ", did you mean 'fifo'?");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config suggest");
	TCase *t = tcase_create("suggest");

	tcase_add_loop_test(t, distance, 0, ARRAY_SIZE(distances));
	tcase_add_test(t, distance_of_long_words);
	tcase_add_loop_test(t, best_of_some, 0, ARRAY_SIZE(words));
	tcase_add_test(t, the_nearest_wins_and_then_the_first);
	tcase_add_test(t, text);
	suite_add_tcase(s, t);
	return runner_run(s);
}
