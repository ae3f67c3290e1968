/*
 * `revd --check` and `revd --dump-config`, the built program: the messages that
 * tests/data/config has for the library are what people see, and 78 the status.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "common/run.h"
#include "common/stage.h"
#include "util/fd.h"
#include "text.h"

#define MANY 128

struct files {
	size_t n;
	const char *paths[MANY];
};

static struct files bad, good;

/* "bad/x.conf" -> the text of DATA_DIR/bad/x.END */
static char *read_beside(const char *path, const char *end)
{
	char name[512], *text = NULL;
	size_t n;

	snprintf(name, sizeof(name), "%.*s%s", (int)(strrchr(path, '.') - path), path, end);
	ck_assert_msg(fd_read_file(name, 1 << 20, &text, &n) == 0, "%s", name);
	return text;
}

/* Copies it to the same relative name in the rig, where it belongs to whoever
 * runs the tests: as root, revd reads no file of somebody else. */
static void copy(const struct rig *rig, const char *path, char *ret_relative, size_t size)
{
	const char *relative = path + strlen(DATA_DIR) + 1;
	CLEANUP_FREE char *text = NULL;
	char to[RIG_PATH];
	CLEANUP_FD int fd = -1;
	size_t n;

	snprintf(ret_relative, size, "%s", relative);
	ck_assert_int_eq(fd_read_file(path, 1 << 20, &text, &n), 0);
	*strrchr(rig_path(rig, relative, to), '/') = '\0';
	ck_assert_int_eq(mkdir(to, 0700), 0);
	fd = open(rig_path(rig, relative, to), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, text, n), 0);
}

START_TEST(bad_file)
{
	const char *path = bad.paths[_i];
	CLEANUP_FREE char *want = read_beside(path, ".err");
	char relative[128];
	struct rig rig;
	struct run r;

	rig_init(&rig);
	copy(&rig, path, relative, sizeof(relative));
	RUN(&r, &rig, "revd", "--check", "-c", relative);
	text_check_same(r.err, want);
	ck_assert_str_eq(r.out, "");
	ck_assert_int_eq(r.status, EX_CONFIG);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* "" where there is no file of warnings. */
static char *read_warnings(const char *path)
{
	char name[512];

	snprintf(name, sizeof(name), "%.*s.warn", (int)(strrchr(path, '.') - path), path);
	return access(name, F_OK) == 0 ? read_beside(path, ".warn") : strdup("");
}

START_TEST(good_file)
{
	const char *path = good.paths[_i];
	CLEANUP_FREE char *want = read_beside(path, ".dump");
	CLEANUP_FREE char *warnings = read_warnings(path);
	char relative[128];
	struct rig rig;
	struct run r;

	rig_init(&rig);
	copy(&rig, path, relative, sizeof(relative));
	RUN(&r, &rig, "revd", "--check", "-c", relative);
	text_check_same(r.err, warnings);
	ck_assert_int_eq(r.status, EX_OK);
	run_free(&r);
	RUN(&r, &rig, "revd", "--dump-config", "-c", relative);
	ck_assert_str_eq(r.err, "");
	ck_assert_int_eq(r.status, EX_OK);
	text_check_same(r.out, want);
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

START_TEST(dump_of_a_dump)
{
	struct run first, second;
	struct rig rig;

	rig_init(&rig);
	RUN(&first, &rig, "revd", "--dump-config");
	ck_assert_int_eq(first.status, EX_OK);
	rig_write(&rig, "dump.conf", first.out);
	RUN(&second, &rig, "revd", "--check", "-c", "dump.conf");
	ck_assert_str_eq(second.err, "");
	ck_assert_int_eq(second.status, EX_OK);
	run_free(&second);
	run_free(&first);
	rig_finish(&rig);
}
END_TEST

START_TEST(nothing_is_served_from_a_broken_file)
{
	struct rig rig;
	struct run r;

	rig_init(&rig);
	rig_write(&rig, "revd.conf",
		"[endpoint.a]\ntransport = uds\npath = @DIR@/a.sock\nmode = 8\n");
	RUN(&r, &rig, "revd", "-c", "revd.conf");
	ck_assert_int_eq(r.status, EX_CONFIG);
	ck_assert_ptr_nonnull(strstr(r.err, "revd.conf:4: mode: '8' is not an octal mode"));
	ck_assert(!rig_has(&rig, "a.sock"));
	run_free(&r);
	rig_finish(&rig);
}
END_TEST

/* Not those that are more than one file, and not those about what only the tests
 * of the library have: transports of their own, a directory of plugins. */
static bool is_special(const char *path)
{
	static const char *const names[] = {"every", "full", "directory"};
	char drop_ins[512];

	snprintf(drop_ins, sizeof(drop_ins), "%s.d", path);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strstr(strrchr(path, '/'), names[i])) {
			return true;
		}
	}
	return access(drop_ins, F_OK) == 0;
}

static void find(const char *pattern, glob_t *all, struct files *ret)
{
	if (glob(pattern, 0, NULL, all) != 0) {
		fprintf(stderr, "no file %s\n", pattern);
		exit(EXIT_FAILURE);
	}
	for (size_t i = 0; i < all->gl_pathc && ret->n < MANY; i++) {
		if (!is_special(all->gl_pathv[i])) {
			ret->paths[ret->n++] = all->gl_pathv[i];
		}
	}
}

int main(void)
{
	Suite *s = suite_create("config check");
	TCase *t = tcase_create("check");
	glob_t all_bad, all_good;
	int r;

	setenv("RUNTIME_DIRECTORY", "/run/revd", 1); /* that of the dumps */
	find(DATA_DIR "/bad/*.conf", &all_bad, &bad);
	find(DATA_DIR "/good/*.conf", &all_good, &good);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, bad_file, 0, (int)bad.n);
	tcase_add_loop_test(t, good_file, 0, (int)good.n);
	tcase_add_test(t, dump_of_a_dump);
	tcase_add_test(t, nothing_is_served_from_a_broken_file);
	suite_add_tcase(s, t);
	r = stage_run(s);
	globfree(&all_bad);
	globfree(&all_good);
	return r;
}
