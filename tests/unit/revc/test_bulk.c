/*
 * Lines in bulk: every reply in its place, whatever the lines look like and whatever
 * the daemon does. The input comes from a file, or through a pipe in pieces.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "revc/bulk.h"
#include "revc/signals.h"
#include "common/runner.h"
#include "unit/librevc/fake.h"
#include "util/fd.h"
#include "util/macro.h"

struct text {
	struct bytes in, want, errors; /* errors: the line numbers, as "line N\n" */
};

static void put(struct bytes *b, const void *p, size_t n)
{
	if (bytes_put(b, p, n) < 0) {
		abort(); /* an assertion for each byte would take the longest */
	}
}

static void put_line(struct text *t, uint64_t number, const char *line, size_t n, const char *term)
{
	char said[32];

	put(&t->in, line, n);
	put(&t->in, term, strlen(term));
	if (memmem(line, n, "bad", 3)) {
		put(&t->errors, said,
			(size_t)snprintf(
				said, sizeof(said), "line %llu\n", (unsigned long long)number));
	} else {
		for (size_t i = n; i > 0; i--) {
			put(&t->want, &line[i - 1], 1);
		}
	}
	put(&t->want, term, strlen(term));
}

/* Lines of every kind; each kind comes with its weight. */
static void make_text(struct text *t, unsigned lines, unsigned strange, const char *last_term)
{
	static const struct {
		const char *text;
		size_t n;
	} kinds[] = {
		{"bad", 3},
		{"a genuine\x15", 10}, /* its reply begins with NAK */
		{"\x15\x15", 2},
		{"\xff\x01\x00\x00 no frame", 13}, /* must not be taken for a frame */
		{"\xff", 1},
		{"bad\xff", 4},
		{"x\xff", 2}, /* its reply begins like a frame */
		{"cr\r", 3},
		{"", 0},
	};
	char line[256];

	for (unsigned i = 1; i <= lines; i++) {
		const char *term = i == lines ? last_term : rand() % 4 == 0 ? "\r\n" : "\n";

		if (strange && (unsigned)rand() % strange == 0) {
			size_t k = (size_t)rand() % ARRAY_SIZE(kinds);

			if (kinds[k].n > 0 || *term) { /* no text, no terminator: no line */
				put_line(t, i, kinds[k].text, kinds[k].n,
					strcmp(kinds[k].text, "cr\r") == 0 && *term ? "\r\n"
										    : term);
				continue;
			}
		}
		put_line(t, i, line,
			(size_t)snprintf(line, sizeof(line), "%u %.*s", i, rand() % 100,
				"----------------------------------------------------------------"
				"-----------------------------------------"),
			term);
	}
}

static void free_text(struct text *t)
{
	bytes_free(&t->in);
	bytes_free(&t->want);
	bytes_free(&t->errors);
}

static int make_file(void)
{
	int fd = memfd_create("bulk", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static char *read_all(int fd, size_t *ret_n)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *p = malloc((size_t)n + 1);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(pread(fd, p, (size_t)n, 0), n);
	p[n] = '\0';
	*ret_n = (size_t)n;
	return p;
}

/* Runs the filter from in_fd with standard output and error in files. */
static void run(const char *uri, int in_fd, int out_fd, int err_fd, bool *ret_refused)
{
	struct filter_options o = {.uri = uri};
	struct revc_err err;
	struct filter f;
	struct input in;
	int saved = dup(STDERR_FILENO), r;

	ck_assert_msg(filter_init(&f, &o, &err) == 0, "%s", err.text);
	f.out.fd = out_fd;
	ck_assert_int_eq(input_init(&in, in_fd, NULL), 0);
	ck_assert_int_ge(dup2(err_fd, STDERR_FILENO), 0);
	r = bulk_input(&f, &in);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	ck_assert_msg(r == 0, "%s", f.p.err.text);
	*ret_refused = f.code == 1;
	input_finish(&in);
	filter_finish(&f);
}

/* Every refused line was told, in order, and nothing else. */
static void check_errors(int err_fd, const struct text *t)
{
	size_t n, at = 0;
	char *said = read_all(err_fd, &n);
	const char *line = said;

	while (at < t->errors.len) {
		const char *want = (const char *)t->errors.data + at;
		size_t want_n = strcspn(want, "\n");
		char head[64];

		(void)snprintf(head, sizeof(head), "revc: %.*s: invalid-text: ", (int)want_n, want);
		ck_assert_msg(strncmp(line, head, strlen(head)) == 0, "%s: %s", head, line);
		line = strchr(line, '\n');
		ck_assert_ptr_nonnull(line);
		line++;
		at += want_n + 1;
	}
	ck_assert_str_eq(line, "");
	free(said);
}

static void expect(const char *uri, int in_fd, const struct text *t)
{
	int out_fd = make_file(), err_fd = make_file();
	bool refused;
	size_t n;
	char *got;

	run(uri, in_fd, out_fd, err_fd, &refused);
	got = read_all(out_fd, &n);
	ck_assert_uint_eq(n, t->want.len);
	ck_assert(n == 0 || memcmp(got, t->want.data, n) == 0);
	ck_assert(refused == (t->errors.len > 0));
	check_errors(err_fd, t);
	free(got);
	close(out_fd);
	close(err_fd);
}

static const struct {
	unsigned lines, strange;
	const char *last_term;
	struct fake_habits habits;
} cases[] = {
	{20000, 0, "\n", {0}},
	{20000, 0, "", {0}},
	{20000, 0, "\r\n", {0}},
	{20000, 100, "\n", {0}},
	{20000, 100, "", {0}},
	{3000, 1, "\n", {0}},
	{3000, 2, "", {0}},
	{1, 1, "", {0}},
	{1, 0, "", {0}},
	{0, 0, "", {0}},
	{20000, 0, "\n", {.die_after = 3000, .deaths = 4}},
	{20000, 50, "", {.die_after = 1000, .deaths = 4}},
	{200, 3, "\n", {.die_after = 7, .deaths = 12}},
	{3000, 5, "\n", {.busy = 20}},
	{3000, 5, "\n", {.fragment = 2}},
};

START_TEST(from_a_file)
{
	struct text t = {0};
	struct fake f;
	int fd = make_file();

	srand((unsigned)_i);
	make_text(&t, cases[_i].lines, cases[_i].strange, cases[_i].last_term);
	ck_assert_int_eq(fd_write_all(fd, t.in.data, t.in.len), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	fake_start(&f, &cases[_i].habits);
	expect(fake_uri(&f), fd, &t);
	ck_assert(cases[_i].strange || atomic_load(&f.frames) <= 1);
	fake_stop(&f);
	free_text(&t);
	close(fd);
}
END_TEST

struct writer {
	const struct text *t;
	int fd;
};

/* Pieces that end anywhere, in the middle of lines and terminators. */
static void *write_pieces(void *arg)
{
	const struct writer *w = arg;
	unsigned seed = 1;

	for (size_t at = 0; at < w->t->in.len;) {
		size_t n = (size_t)rand_r(&seed) % 5000 + 1;

		n = MIN(n, w->t->in.len - at);
		if (fd_write_all(w->fd, w->t->in.data + at, n) < 0) {
			break;
		}
		at += n;
	}
	close(w->fd);
	return NULL;
}

START_TEST(from_a_pipe)
{
	struct text t = {0};
	struct writer w = {.t = &t};
	struct fake f;
	pthread_t thread;
	int fds[2];

	srand((unsigned)_i + 100);
	make_text(&t, cases[_i].lines, cases[_i].strange, cases[_i].last_term);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	w.fd = fds[1];
	ck_assert_int_eq(pthread_create(&thread, NULL, write_pieces, &w), 0);
	fake_start(&f, &cases[_i].habits);
	expect(fake_uri(&f), fds[0], &t);
	pthread_join(thread, NULL);
	fake_stop(&f);
	free_text(&t);
	close(fds[0]);
}
END_TEST

/* Long lines, some of them longer than the daemon takes or we keep. */
START_TEST(of_any_length)
{
	static const size_t lengths[] = {
		0, 1, 70000, 262143, 262144, 262145, 300000, 1048575, 1048576};
	struct text t = {0};
	struct fake f;
	int fd = make_file();

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		char *line = malloc(lengths[i] + 1);

		ck_assert_ptr_nonnull(line);
		for (size_t k = 0; k < lengths[i]; k++) {
			line[k] = (char)('a' + k % 26);
		}
		put_line(&t, i + 1, line, lengths[i], i % 2 ? "\r\n" : "\n");
		free(line);
	}
	ck_assert_int_eq(fd_write_all(fd, t.in.data, t.in.len), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	fake_start(&f, &(struct fake_habits){0});
	expect(fake_uri(&f), fd, &t);
	fake_stop(&f);
	free_text(&t);
	close(fd);
}
END_TEST

/* Over the limit: the daemon refuses what is short enough to be asked, we ourselves what is not,
 * in the same words; what follows is served. */
START_TEST(over_the_limit)
{
	static const size_t lengths[] = {1001, 2000000, 5000000};
	static const char *const terms[] = {"\n", "\r\n", ""};
	static const char want[] = "\n\r\nolbeup\n";
	struct fake f;
	bool refused;
	int fd = make_file(), out_fd = make_file(), err_fd = make_file();
	char *line = malloc(5000000), *got;
	size_t n;

	ck_assert_ptr_nonnull(line);
	memset(line, 'x', 5000000);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		ck_assert_int_eq(fd_write_all(fd, line, lengths[i]), 0);
		ck_assert_int_eq(fd_write_all(fd, terms[i], strlen(terms[i])), 0);
		if (i == 1) {
			ck_assert_int_eq(fd_write_all(fd, "pueblo\n", 7), 0);
		}
	}
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	fake_start(&f, &(struct fake_habits){.max_request = 1000});
	run(fake_uri(&f), fd, out_fd, err_fd, &refused);
	ck_assert(refused);
	got = read_all(out_fd, &n);
	ck_assert_str_eq(got, want);
	free(got);
	got = read_all(err_fd, &n);
	ck_assert_str_eq(got, "revc: line 1: too-large: 1001 bytes, the limit is 1000\n"
			      "revc: line 2: too-large: 2000000 bytes, the limit is 1000\n"
			      "revc: line 4: too-large: 5000000 bytes, the limit is 1000\n");
	free(got);
	fake_stop(&f);
	free(line);
	close(fd);
	close(out_fd);
	close(err_fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client/bulk");
	TCase *t = tcase_create("bulk");

	signals_install();
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, from_a_file, 0, (int)ARRAY_SIZE(cases));
	tcase_add_loop_test(t, from_a_pipe, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(t, of_any_length);
	tcase_add_test(t, over_the_limit);
	suite_add_tcase(s, t);
	return runner_run(s);
}
