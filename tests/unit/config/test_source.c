/* Which files are read, in which order, and which are not trusted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "config/load.h"
#include "config/source.h"
#include "util/fd.h"
#include "fake.h"
#include "text.h"

#define FINE "[endpoint.a]\ntransport = uds\n"

static struct fake fake;
static struct config_registry reg;
static char dir[] = "/tmp/revd-test-XXXXXX";

/* Each test has a fresh directory and is in it. */
static void setup(void)
{
	reg = fake_registry(&fake);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void teardown(void)
{
	static const char *const names[] = {"revd.conf", "link.conf", "real.conf",
		"revd.conf.d/1.conf", "revd.conf.d/2.conf", "revd.conf.d/10.conf", "link.conf.d",
		"revd.conf.d/typo.cnf", "revd.conf.d/.hidden", "revd.conf.d/1.conf.dpkg-old",
		"revd.conf.d/1.conf~"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		unlink(names[i]);
	}
	rmdir("revd.conf.d");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_msg(rmdir(dir) == 0, "%s: %s", dir, strerror(errno));
}

static void put_bytes(const char *path, const char *text, size_t n)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, text, n), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

/* The only error of loading path, or "" if there is none. */
static const char *error_of(uid_t uid, const char *path)
{
	static char text[512];
	struct config_errors errs = {0};
	struct config *c = NULL;
	int r = load_as(uid, &(struct config_source){.file = path}, &reg, &c, &errs);

	ck_assert_int_eq(r, errs.n ? -EINVAL : 0);
	ck_assert_uint_le(errs.n, 1);
	snprintf(text, sizeof(text), "%s", errs.n ? errs.text[0] : "");
	config_errors_finish(&errs);
	config_destroy(c);
	return text;
}

static const struct {
	uid_t owner;
	gid_t group;
	mode_t mode;
	const char *as_root;
} files[] = {
	{0, 0, 0644, NULL},
	{0, 0, 0600, NULL},
	{0, 0, 0664, NULL}, /* root's own group */
	{0, 5, 0644, NULL},
	{0, 5, 0664, "may be written by a group other than root"},
	{0, 5, 0666, "may be written by everybody"},
	{0, 0, 0602, "may be written by everybody"},
	{7, 0, 0600, "is not owned by root"},
};

START_TEST(trust)
{
	struct stat st = {
		.st_uid = files[_i].owner, .st_gid = files[_i].group, .st_mode = files[_i].mode};

	ck_assert_pstr_eq(source_distrust(&st, 0), files[_i].as_root);
	ck_assert_ptr_null(source_distrust(&st, TEXT_USER));
}
END_TEST

START_TEST(root_follows_no_link)
{
	put("real.conf", FINE);
	ck_assert_int_eq(symlink("real.conf", "link.conf"), 0);
	ck_assert_str_eq(error_of(0, "link.conf"),
		"link.conf: is a symbolic link; as root none is followed");
	ck_assert_str_eq(error_of(TEXT_USER, "link.conf"), "");
}
END_TEST

/* The tests run as root or not; what belongs to somebody else is refused in both. */
START_TEST(root_reads_its_own_files)
{
	put("revd.conf", FINE);
	if (geteuid() == 0) {
		ck_assert_str_eq(error_of(0, "revd.conf"), "");
		ck_assert_int_eq(chown("revd.conf", TEXT_USER, 0), 0);
	}
	ck_assert_str_eq(error_of(0, "revd.conf"), "revd.conf: is not owned by root");
}
END_TEST

START_TEST(drop_ins_are_judged_too)
{
	put("revd.conf", FINE);
	ck_assert_int_eq(mkdir("revd.conf.d", 0700), 0);
	put("real.conf", "[revd]\n");
	ck_assert_int_eq(symlink("../nowhere", "revd.conf.d/1.conf"), 0);
	ck_assert_str_eq(
		error_of(TEXT_USER, "revd.conf"), "revd.conf.d/1.conf: No such file or directory");
}
END_TEST

START_TEST(drop_in_directory_that_is_a_file)
{
	put("real.conf", FINE);
	put("link.conf", FINE);
	put("link.conf.d", "");
	ck_assert_str_eq(error_of(TEXT_USER, "link.conf"), "link.conf.d: Not a directory");
}
END_TEST

/* Names, not numbers: 10 comes before 2. The last word is the last file's. */
START_TEST(drop_ins_in_the_order_of_their_names)
{
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct config_errors errs = {0};

	put("revd.conf", FINE "max_peers = 1\nmax_inflight = 1B\n");
	ck_assert_int_eq(mkdir("revd.conf.d", 0700), 0);
	put("revd.conf.d/2.conf", "[endpoint.a]\nmax_peers = 2\n");
	put("revd.conf.d/10.conf", "[endpoint.a]\nmax_peers = 10\n");
	put("revd.conf.d/1.conf", "[endpoint.a]\nmax_peers = 11\n[endpoint.b]\ntransport=fifo\n");
	ck_assert_int_eq(
		load_as(TEXT_USER, &(struct config_source){.file = "revd.conf"}, &reg, &c, &errs),
		0);
	ck_assert_uint_eq(c->n_endpoints, 2);
	ck_assert_uint_eq(c->endpoints[0].info.max_peers, 2);
	ck_assert_uint_eq(c->endpoints[0].max_inflight, 1);
	ck_assert_str_eq(c->endpoints[0].file, "revd.conf");
	ck_assert_str_eq(c->endpoints[1].file, "revd.conf.d/1.conf");
	ck_assert_uint_eq(c->endpoints[1].line, 3);
}
END_TEST

static struct config *load_optional(struct config_errors *errs)
{
	const struct config_source source = {.file = "revd.conf", .optional = true};
	struct config *c = NULL;
	int r = load_as(TEXT_USER, &source, &reg, &c, errs);

	ck_assert_int_eq(r, errs->n ? -EINVAL : 0);
	return c;
}

static void check_origin(const char *origin, const char *first, uint64_t max_peers)
{
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct config_errors errs = {0};

	c = load_optional(&errs);
	ck_assert_msg(c, "%s", errs.n ? errs.text[0] : "no error either");
	ck_assert_str_eq(c->origin, origin);
	ck_assert_str_eq(c->endpoints[0].name, first);
	ck_assert_uint_eq(c->endpoints[0].info.max_peers, max_peers);
}

/* Which of them are there is looked at anew each time, and all of them count. */
START_TEST(what_is_there_counts)
{
	check_origin("the built-in default (there is no revd.conf)", "uds", 1024);
	ck_assert_int_eq(mkdir("revd.conf.d", 0700), 0);
	put("revd.conf.d/1.conf", "[endpoint.uds]\nmax_peers = 5000\n");
	check_origin(
		"the built-in default (there is no revd.conf), revd.conf.d/1.conf", "uds", 5000);
	put("revd.conf", "[endpoint.own]\ntransport = uds\nmax_peers = 7\n");
	put("revd.conf.d/1.conf", "[endpoint.own]\nmax_peers = 8\n");
	check_origin("revd.conf, revd.conf.d/1.conf", "own", 8);
	ck_assert_int_eq(unlink("revd.conf.d/1.conf"), 0);
	check_origin("revd.conf", "own", 7);
	ck_assert_int_eq(unlink("revd.conf"), 0);
	check_origin("the built-in default (there is no revd.conf)", "uds", 1024);
}
END_TEST

/* Then the built-in default is what it has something to say about. */
START_TEST(a_file_without_endpoints)
{
	put("revd.conf", "#[endpoint.x]\n#transport = uds\n");
	check_origin("revd.conf, the built-in default (no endpoint is in revd.conf)", "uds", 1024);
	put("revd.conf", "[revd]\nworkers = 2\n");
	ck_assert_int_eq(mkdir("revd.conf.d", 0700), 0);
	put("revd.conf.d/1.conf", "[endpoint.uds]\nmax_peers = 5000\n");
	check_origin("revd.conf, the built-in default (no endpoint is in revd.conf), "
		     "revd.conf.d/1.conf",
		"uds", 5000);
}
END_TEST

/* Of the built-in default those that are named, and those that a file says something of. */
START_TEST(a_part_of_the_default)
{
	const struct config_source source = {
		.file = "revd.conf", .optional = true, .defaults = " uds "};
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct config_errors errs = {0};

	ck_assert_int_eq(load_as(TEXT_USER, &source, &reg, &c, &errs), 0);
	ck_assert_uint_eq(c->n_endpoints, 1);
	ck_assert_str_eq(c->endpoints[0].name, "uds");
	config_destroy(TAKE_PTR(c));
	ck_assert_int_eq(mkdir("revd.conf.d", 0700), 0);
	put("revd.conf.d/1.conf", "[endpoint.fifo]\nmax_peers = 5\n");
	ck_assert_int_eq(load_as(TEXT_USER, &source, &reg, &c, &errs), 0);
	ck_assert_uint_eq(c->n_endpoints, 2);
	ck_assert_str_eq(c->endpoints[1].name, "fifo");
}
END_TEST

static void check_only_error(const char *want)
{
	struct config_errors errs = {0};

	ck_assert_ptr_null(load_optional(&errs));
	ck_assert_uint_eq(errs.n, 1);
	ck_assert_str_eq(errs.text[0], want);
	config_errors_finish(&errs);
}

START_TEST(mistakes_in_drop_ins_alone)
{
	ck_assert_int_eq(mkdir("revd.conf.d", 0700), 0);
	put("revd.conf.d/1.conf", "[endpoint.uds]\nmax_pers = 5000\n");
	check_only_error("revd.conf.d/1.conf:2: unknown key 'max_pers', did you mean 'max_peers'?");
}
END_TEST

/* What is there and can't be read is no file that is missing. */
START_TEST(what_is_there_is_not_missing)
{
	ck_assert_int_eq(symlink("nowhere", "revd.conf"), 0);
	check_only_error("revd.conf: is a symbolic link to nothing");
	ck_assert_int_eq(unlink("revd.conf"), 0);
	ck_assert_int_eq(mkdir("revd.conf", 0700), 0);
	check_only_error("revd.conf: is not a regular file");
	ck_assert_int_eq(rmdir("revd.conf"), 0);
	ck_assert_int_eq(symlink("nowhere", "revd.conf.d"), 0);
	check_only_error("revd.conf.d: is a symbolic link to nothing");
	ck_assert_int_eq(unlink("revd.conf.d"), 0);
	put("real.conf", FINE);
	{
		const struct config_source below = {.file = "real.conf/x", .optional = true};
		struct config_errors errs = {0};
		struct config *c = NULL;

		ck_assert_int_eq(load_as(TEXT_USER, &below, &reg, &c, &errs), -EINVAL);
		config_errors_finish(&errs);
	}
}
END_TEST

START_TEST(a_drop_in_by_another_name_is_told)
{
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct config_errors errs = {0};

	put("revd.conf", FINE);
	ck_assert_int_eq(mkdir("revd.conf.d", 0700), 0);
	put("revd.conf.d/typo.cnf", "x");
	put("revd.conf.d/.hidden", "x");
	put("revd.conf.d/1.conf.dpkg-old", "x");
	put("revd.conf.d/1.conf~", "x");
	c = load_optional(&errs);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->n_warnings, 1);
	ck_assert_str_eq(c->warnings[0],
		"revd.conf.d: 'typo.cnf' is not read: its name does not end in .conf");
}
END_TEST

START_TEST(a_text_instead_of_a_file)
{
	const struct config_source source = {.file = "nowhere", .text = FINE};
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct config_errors errs = {0};

	ck_assert_int_eq(load_as(0, &source, &reg, &c, &errs), 0);
	ck_assert_uint_eq(c->n_endpoints, 1);
	ck_assert_str_eq(c->origin, "(built-in)");
}
END_TEST

START_TEST(a_fifo_does_not_block)
{
	ck_assert_int_eq(mkfifo("revd.conf", 0600), 0);
	ck_assert_str_eq(error_of(TEXT_USER, "revd.conf"), "revd.conf: is not a regular file");
}
END_TEST

START_TEST(the_largest_file)
{
	CLEANUP_FREE char *text = malloc(INI_FILE_MAX + 1);

	memset(text, '#', INI_FILE_MAX + 1);
	memcpy(text, FINE, strlen(FINE));
	put_bytes("revd.conf", text, INI_FILE_MAX);
	ck_assert_str_eq(error_of(TEXT_USER, "revd.conf"), "");
	put_bytes("revd.conf", text, INI_FILE_MAX + 1);
	ck_assert_str_eq(error_of(TEXT_USER, "revd.conf"), "revd.conf: is larger than 1 MiB");
}
END_TEST

/* Values on both sides of what inih takes in one piece, cut at each place, with
 * white space and semicolons on and beside the cut. */
START_TEST(lines_of_any_length)
{
	static const char pattern[] = "ab c;d\te= f:g #h";
	char text[1024], value[512];

	for (size_t n = 1; n < 450; n++) {
		CLEANUP(config_destroy_p) struct config *c = NULL;
		struct config_errors errs = {0};

		for (size_t i = 0; i < n; i++) {
			value[i] = pattern[i % (sizeof(pattern) - 1)];
		}
		value[n - 1] = 'z';
		value[n] = '\0';
		snprintf(text, sizeof(text),
			"[endpoint.a]\ntransport=every\nstring = %s ; x ; y\ncount = 7\n", value);
		put("revd.conf", text);
		ck_assert_int_eq(load_as(TEXT_USER, &(struct config_source){.file = "revd.conf"},
					 &reg, &c, &errs),
			0);
		ck_assert_str_eq(((struct fake_every *)c->endpoints[0].values)->string, value);
		ck_assert_uint_eq(((struct fake_every *)c->endpoints[0].values)->count, 7);
	}
}
END_TEST

/* The value may even begin behind what inih has seen. */
START_TEST(a_value_behind_much_space)
{
	char text[1024];

	for (int pad = 180; pad < 210; pad++) {
		CLEANUP(config_destroy_p) struct config *c = NULL;
		struct config_errors errs = {0};

		snprintf(text, sizeof(text), "[endpoint.a]\ntransport=every\nstring =%*sx y\n", pad,
			"");
		put("revd.conf", text);
		ck_assert_int_eq(load_as(TEXT_USER, &(struct config_source){.file = "revd.conf"},
					 &reg, &c, &errs),
			0);
		ck_assert_str_eq(((struct fake_every *)c->endpoints[0].values)->string, "x y");
	}
}
END_TEST

/* head, and then n lines from 1 on. */
static void put_many(const char *head, const char *line, unsigned n)
{
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs(head, f);
	for (unsigned i = 1; i <= n; i++) {
		fprintf(f, "%s%u%s\n", line, i, line[0] == '[' ? "]" : "=1");
	}
	fclose(f);
	put("revd.conf", text);
}

static void check_first_error(const char *want, size_t n, size_t suppressed)
{
	struct config_errors errs = {0};
	struct config *c = NULL;

	ck_assert_int_eq(
		load_as(TEXT_USER, &(struct config_source){.file = "revd.conf"}, &reg, &c, &errs),
		-EINVAL);
	ck_assert_str_eq(errs.text[0], want);
	ck_assert_uint_eq(errs.n, n);
	ck_assert_uint_eq(errs.suppressed, suppressed);
	config_errors_finish(&errs);
}

START_TEST(keys_without_end)
{
	put_many("[endpoint.a]\ntransport = uds\n", "path", INI_KEYS_MAX - 1);
	check_first_error("revd.conf:3: unknown key 'path1', did you mean 'path'?",
		CONFIG_MAX_ERRORS, INI_KEYS_MAX - 1 - CONFIG_MAX_ERRORS);
	put_many("[zzz]\n", "k", 100000);
	check_first_error("revd.conf:1: unknown section 'zzz', there are [revd], [endpoint.NAME] "
			  "and [service.NAME]",
		2, 0);
}
END_TEST

START_TEST(sections_without_end)
{
	put_many("", "[service.echo", INI_SECTIONS_MAX);
	check_first_error("revd.conf:1: there is no service 'echo1', did you mean 'echo'?",
		CONFIG_MAX_ERRORS, INI_SECTIONS_MAX - CONFIG_MAX_ERRORS);
	put_many("[revd]\nx = 1\n", "[service.echo", 40000);
	check_first_error("revd.conf:2: unknown key 'x'", CONFIG_MAX_ERRORS,
		INI_SECTIONS_MAX + 1 - CONFIG_MAX_ERRORS);
}
END_TEST

/* Half a million lines with a mistake each: it takes no longer than it must. */
START_TEST(mistakes_without_end)
{
	CLEANUP_FREE char *text = malloc(INI_FILE_MAX + 1);

	for (size_t i = 0; i < INI_FILE_MAX; i += 2) {
		memcpy(text + i, "x\n", 3);
	}
	memcpy(text, "[revd]\n", 7);
	put("revd.conf", text);
	check_first_error("revd.conf:3: the line is neither 'key = value' nor a [section]",
		CONFIG_MAX_ERRORS, (INI_FILE_MAX - 8) / 2 - CONFIG_MAX_ERRORS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config source");
	TCase *t = tcase_create("source");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, trust, 0, ARRAY_SIZE(files));
	tcase_add_test(t, root_follows_no_link);
	tcase_add_test(t, root_reads_its_own_files);
	tcase_add_test(t, drop_ins_are_judged_too);
	tcase_add_test(t, drop_in_directory_that_is_a_file);
	tcase_add_test(t, drop_ins_in_the_order_of_their_names);
	tcase_add_test(t, what_is_there_counts);
	tcase_add_test(t, a_file_without_endpoints);
	tcase_add_test(t, a_part_of_the_default);
	tcase_add_test(t, mistakes_in_drop_ins_alone);
	tcase_add_test(t, what_is_there_is_not_missing);
	tcase_add_test(t, a_drop_in_by_another_name_is_told);
	tcase_add_test(t, a_text_instead_of_a_file);
	tcase_add_test(t, a_fifo_does_not_block);
	tcase_add_test(t, the_largest_file);
	tcase_add_test(t, lines_of_any_length);
	tcase_add_test(t, a_value_behind_much_space);
	tcase_add_test(t, keys_without_end);
	tcase_add_test(t, sections_without_end);
	tcase_add_test(t, mistakes_without_end);
	suite_add_tcase(s, t);
	return runner_run(s);
}
