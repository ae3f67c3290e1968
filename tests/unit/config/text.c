#include "text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config/load.h"
#include "util/fd.h"

void text_write(char *path, const char *text)
{
	CLEANUP_FD int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
}

static int load(const char *text, const struct config_registry *reg, struct config **ret,
	struct config_errors *errs)
{
	char path[] = "/tmp/revd-test-XXXXXX";
	int r;

	text_write(path, text);
	r = load_as(TEXT_USER, &(struct config_source){.file = path, .runtime_dir = "/run/test"},
		reg, ret, errs);
	ck_assert_int_eq(unlink(path), 0);
	return r;
}

struct config *text_load(
	const char *text, const struct config_registry *reg, struct config_errors *errs)
{
	struct config_errors none = {0};
	struct config *c = NULL;
	int r = load(text, reg, &c, errs ? errs : &none);

	if (!errs) {
		ck_assert_msg(r == 0, "%s", none.n ? none.text[0] : "no error either");
	}
	return c;
}

char *text_error(const char *text, const struct config_registry *reg)
{
	struct config_errors errs = {0};
	struct config *c = NULL;
	char *first, *line;

	ck_assert_int_lt(load(text, reg, &c, &errs), 0);
	ck_assert_ptr_null(c);
	ck_assert_uint_ge(errs.n, 1);
	line = strchr(errs.text[0], ':');
	ck_assert_ptr_nonnull(line);
	first = strdup(line + 1);
	config_errors_finish(&errs);
	return first;
}

void text_check_same(const char *got, const char *want)
{
	for (int line = 1; *got || *want; line++) {
		size_t n = strcspn(got, "\n"), m = strcspn(want, "\n");

		ck_assert_msg(n == m && memcmp(got, want, n) == 0 && got[n] == want[m],
			"line %d is '%.*s', not '%.*s'", line, (int)n, got, (int)m, want);
		got += n + (got[n] != '\0');
		want += m + (want[m] != '\0');
	}
}
