/* The programs in EXAMPLES of revd-protocol(7), word for word but for the directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/run.h"
#include "common/stage.h"
#include "util/fd.h"
#include "util/macro.h"

static const char config[] =
	"[endpoint.uds]\ntransport = uds\npath = @DIR@/revd.sock\n"
	"[endpoint.shm]\ntransport = shm\npath = @DIR@/revd.shm\n"
	"[endpoint.fifo]\ntransport = fifo\npath = @DIR@/revd.fifo\nmode = 0622\n";

static char *page;

/* The text of a program with its paths in @DIR@, and without what scdoc(5) escapes. */
static char *program(const char *from, size_t n)
{
	static const char dir[] = "/run/revd/";
	char *text = calloc(2, n + 1), *to = text;

	ck_assert_ptr_nonnull(text);
	for (const char *p = from; p < from + n;) {
		if (strncmp(p, dir, strlen(dir)) == 0) {
			to = stpcpy(to, "@DIR@/");
			p += strlen(dir);
		} else {
			*to++ = *p++;
		}
	}
	return text;
}

static void run_program(const struct rig *rig, const char *text)
{
	struct run r;

	RUN(&r, rig, "python3", "-c", text);
	ck_assert_msg(
		r.status == 0 && (strstr(r.out, "anañam") || strstr(r.out, "ana\\xc3\\xb1am")),
		"%s\nprinted '%s': %s", text, r.out, r.err);
	run_free(&r);
}

START_TEST(python_programs)
{
	struct rig rig;
	int n = 0;

	rig_start(&rig, config);
	for (const char *p = page; (p = strstr(p, "\n```\nimport ")); n++) {
		const char *end;
		char *text;

		p += strlen("\n```\n");
		end = strstr(p, "\n```\n");
		ck_assert_ptr_nonnull(end);
		text = program(p, (size_t)(end - p));
		run_program(&rig, text);
		free(text);
		p = end;
	}
	ck_assert_int_ge(n, 3);
	rig_finish(&rig);
}
END_TEST

static void setup(void)
{
	size_t n;

	ck_assert_int_eq(fd_read_file(getenv("REVD_TEST_PROTOCOL"), 1 << 20, &page, &n), 0);
}

static void teardown(void)
{
	free(page);
}

int main(void)
{
	Suite *suite = suite_create("protocol");
	TCase *t = stage_tcase("examples");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, python_programs);
	suite_add_tcase(suite, t);
	return stage_run(suite);
}
