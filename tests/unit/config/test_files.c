/*
 * Each file of tests/data/config: what it says when it is loaded, byte by byte. The
 * transports and services are the real ones, and "every" of fake.c, which has keys
 * of all types.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "builtin.h"
#include "common/runner.h"
#include "config/load.h"
#include "service/builtin.h"
#include "util/fd.h"
#include "fake.h"
#include "text.h"

static glob_t good, bad;
static struct fake fake;
static struct config_registry reg;

static void setup(void)
{
	reg = fake_registry(&fake);
	fake.backends = backends_builtin;
	fake.services = services_builtin;
}

/* "bad/x.conf" -> "bad/x.END" */
static void sibling(const char *path, const char *end, char *buf, size_t size)
{
	const char *dot = strrchr(path, '.');

	snprintf(buf, size, "%.*s.%s", (int)(dot - path), path, end);
}

static char *read_sibling(const char *path, const char *end)
{
	char name[256], *text = NULL;
	size_t n;

	sibling(path, end, name, sizeof(name));
	ck_assert_msg(fd_read_file(name, 1 << 20, &text, &n) == 0, "%s: can't be read", name);
	return text;
}

static char *errors_text(const struct config_errors *errs)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	for (size_t i = 0; i < errs->n; i++) {
		fprintf(f, "%s\n", errs->text[i]);
	}
	if (errs->suppressed) {
		fprintf(f, "... and %zu more\n", errs->suppressed);
	}
	fclose(f);
	return text;
}

static char *dump_text(const struct config *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	ck_assert_int_eq(config_dump(c, f), 0);
	fclose(f);
	return text;
}

START_TEST(bad_file)
{
	const char *path = bad.gl_pathv[_i];
	CLEANUP_FREE char *want = read_sibling(path, "err");
	CLEANUP_FREE char *got = NULL;
	struct config_errors errs = {0};
	struct config *c = NULL;

	ck_assert_int_eq(load_as(TEXT_USER, &(struct config_source){.file = path}, &reg, &c, &errs),
		-EINVAL);
	ck_assert_ptr_null(c);
	got = errors_text(&errs);
	config_errors_finish(&errs);
	text_check_same(got, want);
}
END_TEST

static void check_warnings(const struct config *c, const char *path)
{
	char name[256], *want = NULL;
	CLEANUP_FREE char *got = NULL;
	size_t n;
	FILE *f = open_memstream(&got, &n);

	for (size_t i = 0; i < c->n_warnings; i++) {
		fprintf(f, "warning: %s\n", c->warnings[i]);
	}
	fclose(f);
	sibling(path, "warn", name, sizeof(name));
	if (fd_read_file(name, 1 << 20, &want, &n) < 0) {
		want = strdup(""); /* most files have none */
	}
	text_check_same(got, want);
	free(want);
}

START_TEST(good_file)
{
	const char *path = good.gl_pathv[_i];
	CLEANUP_FREE char *want = read_sibling(path, "dump");
	CLEANUP_FREE char *got = NULL;
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct config_errors errs = {0};
	int r = load_as(TEXT_USER, &(struct config_source){.file = path}, &reg, &c, &errs);

	ck_assert_msg(r == 0, "%s", errs.n ? errs.text[0] : "no error either");
	got = dump_text(c);
	text_check_same(got, want);
	check_warnings(c, path);
}
END_TEST

/* The comments of a dump name other places once it is a file itself. */
static void drop_comments(char *text)
{
	char *to = text;

	for (const char *p = text; *p;) {
		const char *end = strchrnul(p, '\n');
		const char *comment = memmem(p, (size_t)(end - p), " ; ", 3);
		size_t n = (size_t)((comment ? comment : end) - p);

		memmove(to, p, n);
		to += n;
		*to++ = '\n';
		p = *end ? end + 1 : end;
	}
	*to = '\0';
}

static void write_file(const char *path, const char *text)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
}

START_TEST(dump_loads_again)
{
	CLEANUP(config_destroy_p) struct config *first = NULL, *second = NULL;
	CLEANUP_FREE char *once = NULL, *twice = NULL;
	char path[] = "/tmp/revd-test-XXXXXX";
	struct config_errors errs = {0};
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(
		load_as(TEXT_USER,
			&(struct config_source){.file = good.gl_pathv[_i], .runtime_dir = "/run/x"},
			&reg, &first, &errs),
		0);
	once = dump_text(first);
	write_file(path, once);
	ck_assert_int_eq(
		load_as(TEXT_USER, &(struct config_source){.file = path, .runtime_dir = "/run/y"},
			&reg, &second, &errs),
		0);
	unlink(path);
	twice = dump_text(second);
	drop_comments(once);
	drop_comments(twice);
	text_check_same(twice, once);
	ck_assert_uint_eq(first->n_endpoints, second->n_endpoints);
	for (size_t i = 0; i < first->n_endpoints; i++) {
		ck_assert_int_eq(config_endpoint_diff(&first->endpoints[i], &second->endpoints[i]),
			CONFIG_SAME);
	}
}
END_TEST

/* Files without expectation, or the other way round, are mistakes of ours. */
START_TEST(nothing_is_left_over)
{
	glob_t wants;
	size_t n_wants;

	ck_assert_int_eq(glob("bad/*.err", 0, NULL, &wants), 0);
	n_wants = wants.gl_pathc;
	globfree(&wants);
	ck_assert_uint_eq(n_wants, bad.gl_pathc);
	ck_assert_int_eq(glob("good/*.dump", 0, NULL, &wants), 0);
	n_wants = wants.gl_pathc;
	globfree(&wants);
	ck_assert_uint_eq(n_wants, good.gl_pathc);
	ck_assert_uint_ge(bad.gl_pathc, 30);
}
END_TEST

static void find(const char *pattern, glob_t *ret)
{
	if (glob(pattern, 0, NULL, ret) != 0) {
		fprintf(stderr, "no file %s/%s\n", DATA_DIR, pattern);
		exit(EXIT_FAILURE);
	}
}

int main(void)
{
	Suite *s = suite_create("config files");
	TCase *t = tcase_create("files");
	int r;

	if (chdir(DATA_DIR) < 0) { /* so that messages name the files by short paths */
		perror(DATA_DIR);
		return EXIT_FAILURE;
	}
	find("bad/*.conf", &bad);
	find("good/*.conf", &good);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, bad_file, 0, (int)bad.gl_pathc);
	tcase_add_loop_test(t, good_file, 0, (int)good.gl_pathc);
	tcase_add_loop_test(t, dump_loads_again, 0, (int)good.gl_pathc);
	tcase_add_test(t, nothing_is_left_over);
	suite_add_tcase(s, t);
	r = runner_run(s);
	globfree(&good);
	globfree(&bad);
	return r;
}
