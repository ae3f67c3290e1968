/* Which endpoints a URI can name, what is said about others, and the default one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "librevc/uri.h"
#include "common/runner.h"
#include "place.h"
#include "util/macro.h"

static const struct {
	const char *text;
	int scheme;
	const char *address;
} good[] = {
	{"uds:/run/revd/revd.sock", URI_UDS, "/run/revd/revd.sock"},
	{"uds:relative", URI_UDS, "relative"},
	{"uds:@abstract", URI_UDS, "@abstract"},
	{"fifo:/a:b", URI_FIFO, "/a:b"},
	{"mqueue:/revd", URI_MQUEUE, "/revd"},
};

static const struct {
	const char *text, *sentence;
} bad[] = {
	{"", "'' is no endpoint: uds:PATH, shm:PATH, fifo:PATH, pty:PATH or mqueue:/NAME"},
	{"nowhere", "'nowhere' is no endpoint: uds:PATH, shm:PATH, fifo:PATH, pty:PATH or mqueue:/NAME"},
	{"/no/such:thing", "'/no/such:thing' is no endpoint: uds:PATH, shm:PATH, fifo:PATH, pty:PATH or mqueue:/NAME"},
	{"tcp:localhost", "'tcp:localhost' has an unknown transport: use uds:, shm:, fifo:, pty: or mqueue:"},
	{"UDS:/x", "'UDS:/x' has an unknown transport: use uds:, shm:, fifo:, pty: or mqueue:"},
	{"\033[1m:/x", "'\\x1b[1m:/x' has an unknown transport: use uds:, shm:, fifo:, pty: or mqueue:"},
	{"uds:", "'uds:' has no address: uds:PATH or uds:@NAME"},
	{"uds:@", "'uds:@' has no address: uds:PATH or uds:@NAME"},
	{"mqueue:revd", "'mqueue:revd' is no queue: mqueue:/NAME, with one slash, at the start"},
	{"mqueue:/a/b", "'mqueue:/a/b' is no queue: mqueue:/NAME, with one slash, at the start"},
	{"mqueue:/", "'mqueue:/' is no queue: mqueue:/NAME, with one slash, at the start"},
};

START_TEST(takes_endpoints)
{
	struct uri u;
	struct revc_err err;

	ck_assert_int_eq(uri_parse(good[_i].text, &u, &err), 0);
	ck_assert_int_eq(u.scheme, good[_i].scheme);
	ck_assert_str_eq(u.address, good[_i].address);
	ck_assert(revc_uri_check(good[_i].text, &err));
}
END_TEST

START_TEST(refuses_others)
{
	struct revc_err err = {0};

	ck_assert(!revc_uri_check(bad[_i].text, &err));
	ck_assert_str_eq(err.text, bad[_i].sentence);
	ck_assert_int_eq(err.exit_code, 64);
}
END_TEST

/* The longest address that fits, and one byte more. */
START_TEST(knows_the_lengths)
{
	static const struct {
		const char *scheme;
		size_t max;
	} cases[] = {{"uds:/", 107}, {"fifo:/", 248}, {"mqueue:/", 232}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[400];
		struct uri u;
		struct revc_err err;
		size_t n = strlen(cases[i].scheme) - 1 + cases[i].max;

		memset(text, 'x', sizeof(text));
		memcpy(text, cases[i].scheme, strlen(cases[i].scheme));
		text[n] = '\0';
		ck_assert_int_eq(uri_parse(text, &u, &err), 0);
		ck_assert_str_eq(u.text, text);
		text[n] = 'x';
		text[n + 1] = '\0';
		ck_assert_int_lt(uri_parse(text, &u, &err), 0);
		ck_assert_ptr_nonnull(strstr(err.text, "is too long"));
	}
}
END_TEST

/* A path alone is looked at: the sentence names the transport that it needs. */
START_TEST(sees_what_a_bare_path_is)
{
	struct place p;
	struct revc_err err;
	int fd;

	place_make(&p);
	fd = place_listen(place_path(&p, "sock"), SOCK_STREAM);
	ck_assert_int_eq(mkfifo(place_path(&p, "fifo"), 0600), 0);
	ck_assert(!revc_uri_check(place_path(&p, "sock"), &err));
	ck_assert_ptr_nonnull(strstr(err.text, "put uds: in front"));
	ck_assert(!revc_uri_check(place_path(&p, "fifo"), &err));
	ck_assert_ptr_nonnull(strstr(err.text, "put fifo: in front"));
	ck_assert(!revc_uri_check(p.dir, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "is no endpoint"));
	close(fd);
	place_remove(&p);
}
END_TEST

START_TEST(finds_the_default)
{
	struct place p;
	char buf[REVC_URI_MAX], uri[REVC_URI_MAX];
	int fd;

	place_make(&p);
	ck_assert_int_eq(setenv("REVD_ENDPOINT", "mqueue:/mine", 1), 0);
	ck_assert_str_eq(revc_uri_default(buf), "mqueue:/mine");
	ck_assert_int_eq(setenv("REVD_ENDPOINT", "", 1), 0);
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", p.dir, 1), 0);
	ck_assert_str_eq(revc_uri_default(buf), "uds:/run/revd/revd.sock");
	ck_assert_int_eq(mkdir(place_path(&p, "revd"), 0700), 0);
	fd = place_listen(place_path(&p, "revd/revd.sock"), SOCK_STREAM);
	/* unless this machine runs a real one */
	if (access("/run/revd/revd.sock", F_OK) < 0) {
		(void)snprintf(uri, sizeof(uri), "uds:%s/revd/revd.sock", p.dir);
		ck_assert_str_eq(revc_uri_default(buf), uri);
	}
	close(fd);
	place_remove(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("librevc/uri");
	TCase *t = tcase_create("uri");

	tcase_add_loop_test(t, takes_endpoints, 0, (int)ARRAY_SIZE(good));
	tcase_add_loop_test(t, refuses_others, 0, (int)ARRAY_SIZE(bad));
	tcase_add_test(t, knows_the_lengths);
	tcase_add_test(t, sees_what_a_bare_path_is);
	tcase_add_test(t, finds_the_default);
	suite_add_tcase(s, t);
	return runner_run(s);
}
