/* Replies that can't go yet: unsent ones, and those of lines that keep their order. */
#include "common/runner.h"
#include "traffic/order.h"
#include "traffic/unsent.h"

static void add(struct unsent *u, const char *text, uint32_t request)
{
	const struct unsent_reply what = {.len = strlen(text), .request = request};
	struct unsent_reply *r = unsent_add(u, &what);

	ck_assert_ptr_nonnull(r);
	memcpy(r->text, text, what.len);
}

START_TEST(unsent_ones_keep_their_order)
{
	struct unsent u = {0};

	add(&u, "uno", 1);
	add(&u, "", 2);
	ck_assert_mem_eq(u.first->text, "uno", 3);
	ck_assert_uint_eq(unsent_pop(&u), 1);
	add(&u, "tres", 3);
	ck_assert_uint_eq(u.first->len, 0);
	ck_assert_uint_eq(unsent_pop(&u), 2);
	ck_assert_uint_eq(unsent_pop(&u), 3);
	ck_assert_ptr_null(u.first);
	ck_assert_ptr_null(u.last);
	add(&u, "de nuevo", 4);
	ck_assert_ptr_eq(u.first, u.last);
	ck_assert_uint_eq(unsent_pop(&u), 4);
}
END_TEST

START_TEST(unsent_ones_cost)
{
	struct unsent u = {0};

	for (int i = 0; i < 3; i++) {
		add(&u, "", 0);
		add(&u, "0123456789", 0);
	}
	ck_assert_uint_eq(u.cost, 3 * (unsent_cost(0) + unsent_cost(10)));
	ck_assert_uint_ge(unsent_cost(0), sizeof(struct unsent_reply));
	while (u.first) {
		(void)unsent_pop(&u);
	}
	ck_assert_uint_eq(u.cost, 0);
}
END_TEST

static void ready(struct order *o, struct order_line *l, const char *text)
{
	ck_assert_int_eq(order_ready(o, l, 0, text, strlen(text)), 0);
}

static void expect(struct order *o, uint32_t tag)
{
	struct order_line *l = order_take(o);

	ck_assert_ptr_nonnull(l);
	ck_assert_uint_eq(l->tag, tag);
	order_line_free(l);
}

START_TEST(lines_ready_early_wait)
{
	struct order o = {0};
	struct order_line *a = order_add(&o, 1, 1), *b = order_add(&o, 2, 2),
			  *c = order_add(&o, 0, 3);

	ck_assert(a && b && c);
	ck_assert_ptr_null(order_take(&o));
	ready(&o, c, "c");
	ready(&o, b, "b");
	ck_assert_ptr_null(order_take(&o));
	ready(&o, a, "");
	expect(&o, 1);
	expect(&o, 2);
	expect(&o, 3);
	ck_assert_ptr_null(order_take(&o));
	ck_assert_ptr_null(o.last);
	ck_assert_uint_eq(o.cost, 0);
	ck_assert_uint_eq(order_drop(&o), 0);
}
END_TEST

START_TEST(lines_cost_and_are_dropped)
{
	struct order o = {0};
	struct order_line *l = NULL;

	for (uint32_t i = 0; i < 3; i++) {
		l = order_add(&o, 1, i);
	}
	ck_assert_uint_eq(o.cost, 3 * ORDER_LINE_COST);
	ready(&o, l, "0123456789");
	ck_assert_uint_eq(o.cost, 3 * ORDER_LINE_COST + 10);
	order_refuse(o.first, 1, "no");
	ck_assert_uint_eq(o.cost, 3 * ORDER_LINE_COST + 10);
	ck_assert_uint_eq(order_drop(&o), 3);
	ck_assert_uint_eq(o.cost, 0);
	ck_assert_ptr_null(o.last);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("replies");
	Suite *s = suite_create("replies");

	tcase_add_test(tc, unsent_ones_keep_their_order);
	tcase_add_test(tc, unsent_ones_cost);
	tcase_add_test(tc, lines_ready_early_wait);
	tcase_add_test(tc, lines_cost_and_are_dropped);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
