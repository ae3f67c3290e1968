/* Standard input and output are other processes', too: they are not non-blocking. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "common/runner.h"
#include "fake.h"

extern const struct rv_backend_ops stdio_backend;

static struct rv_instance *f;
static int saved, in[2];

static void setup(void)
{
	saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(in[0], STDIN_FILENO), STDIN_FILENO);
	f = fake_new(&stdio_backend);
	fake_start(f, NULL, NULL, 0);
}

static void teardown(void)
{
	fake_free(f);
	if (saved >= 0) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
	close(in[0]);
	close(in[1]);
}

START_TEST(input_and_its_end)
{
	struct fake_peer *p = f->peers;

	ck_assert_int_eq(write(in[1], "hola\n", 5), 5);
	FAKE_UNTIL(f, p->n_in == 5);
	ck_assert_str_eq(p->in, "hola\n");
	close(in[1]);
	FAKE_UNTIL(f, p->n_eof == 1);
	f->failed = -1;
	f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
	ck_assert_uint_eq(f->n_peers, 0);
	ck_assert_int_eq(f->failed, 0); /* nothing left to do */
}
END_TEST

/* The host resumes a peer whose backlog is served, also in a drain: reading on would
 * wait for ever. */
START_TEST(a_drain_reads_no_more)
{
	struct fake_peer *p = f->peers;

	f->next = RV_READ_STOP;
	ck_assert_int_eq(write(in[1], "hola\n", 5), 5);
	FAKE_UNTIL(f, p->n_in == 5);
	f->ops->drain(f->block);
	ck_assert_uint_eq(p->n_eof, 1);
	f->next = RV_READ_ON;
	f->ops->resume(f->block, p->block);
	fake_settle(f);
	ck_assert_uint_eq(p->n_in, 5);
	ck_assert_uint_eq(p->n_eof, 1);
	f->ops->peer_close(f->block, p->block, RV_CLOSE_FLUSH);
	ck_assert_uint_eq(f->n_drained, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/stdio");
	TCase *tc = tcase_create("stdio");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, input_and_its_end);
	tcase_add_test(tc, a_drain_reads_no_more);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
