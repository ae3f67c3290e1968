/* Which endpoints a URI can name, what is said about others, and the default one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "librevc/nats_uri.h"
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
	{"nats://host:4222/revd.reverse", URI_NATS, "//host:4222/revd.reverse"},
	{"nats:///revd", URI_NATS, "///revd"},
	{"tls://a,b:1/x", URI_NATS_TLS, "//a,b:1/x"},
};

static const struct {
	const char *text, *sentence;
} bad[] = {
	{"", "'' is no endpoint: uds:PATH, shm:PATH, fifo:PATH, pty:PATH, mqueue:/NAME or "
	     "nats://HOST/SUBJECT"},
	{"nowhere", "'nowhere' is no endpoint: uds:PATH, shm:PATH, fifo:PATH, pty:PATH, "
		    "mqueue:/NAME or nats://HOST/SUBJECT"},
	{"/no/such:thing", "'/no/such:thing' is no endpoint: uds:PATH, shm:PATH, fifo:PATH, "
			   "pty:PATH, mqueue:/NAME or nats://HOST/SUBJECT"},
	{"tcp:localhost", "'tcp:localhost' has an unknown transport: use uds:, shm:, fifo:, pty:, "
			  "mqueue:, nats: or tls:"},
	{"UDS:/x", "'UDS:/x' has an unknown transport: use uds:, shm:, fifo:, pty:, mqueue:, nats: "
		   "or tls:"},
	{"\033[1m:/x", "'\\x1b[1m:/x' has an unknown transport: use uds:, shm:, fifo:, pty:, "
		       "mqueue:, nats: or tls:"},
	{"uds:", "'uds:' has no address: uds:PATH or uds:@NAME"},
	{"uds:@", "'uds:@' has no address: uds:PATH or uds:@NAME"},
	{"mqueue:revd", "'mqueue:revd' is no queue: mqueue:/NAME, with one slash, at the start"},
	{"mqueue:/a/b", "'mqueue:/a/b' is no queue: mqueue:/NAME, with one slash, at the start"},
	{"mqueue:/", "'mqueue:/' is no queue: mqueue:/NAME, with one slash, at the start"},
	{"nats:host/x", "'nats:host/x' lacks //: nats://HOST/SUBJECT"},
	{"nats://host", "'nats://host' has no subject: nats://HOST:PORT/SUBJECT"},
	{"nats://host/", "'nats://host/' has no subject: nats://HOST:PORT/SUBJECT"},
	{"nats://h/a.*",
		"'nats://h/a.*' has no single subject: words with dots between, no * and no >"},
	{"nats://h/>",
		"'nats://h/>' has no single subject: words with dots between, no * and no >"},
	{"nats://h/a..b",
		"'nats://h/a..b' has no single subject: words with dots between, no * and no >"},
	{"nats://h/.a",
		"'nats://h/.a' has no single subject: words with dots between, no * and no >"},
	{"nats://h/a.",
		"'nats://h/a.' has no single subject: words with dots between, no * and no >"},
	{"nats://h/a b",
		"'nats://h/a b' has no single subject: words with dots between, no * and no >"},
	{"tls://h,,i/a",
		"'tls://h,,i/a' has no 1 to 16 brokers: nats://HOST:PORT,HOST:PORT/SUBJECT"},
	{"nats://u:pw@h/a..b", "'nats://u:***@h/a..b' has no single subject: words with dots "
			       "between, no * and no >"},
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

START_TEST(takes_brokers_apart)
{
	struct nats_place p;

	ck_assert_ptr_null(nats_uri_parse("nats://u:pw@a:1,b,c:3/x.y", &p));
	ck_assert_uint_eq(p.n, 3);
	ck_assert_str_eq(p.servers[0], "nats://u:pw@a:1");
	ck_assert_str_eq(p.servers[1], "nats://b");
	ck_assert_str_eq(p.servers[2], "nats://c:3");
	ck_assert_str_eq(p.subject, "x.y");
	ck_assert_ptr_null(nats_uri_parse("tls:///x", &p));
	ck_assert_uint_eq(p.n, 0);
	ck_assert_ptr_nonnull(nats_uri_parse("nats://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/x", &p));
}
END_TEST

START_TEST(shows_no_passwords)
{
	static const struct {
		const char *uri, *shown;
	} cases[] = {
		{"nats://u:pw@a:1,v:p:w@b/x", "nats://u:***@a:1,v:***@b/x"},
		{"nats://token@a/x", "nats://***@a/x"},
		{"tls://a,u:p@w@b/x", "tls://a,u:***@b/x"},
		{"nats://a:1/x@y:z", "nats://a:1/x@y:z"},
		{"nats://u:pw@a", "nats://u:***@a"},
		{"uds:/u:pw@a", "uds:/u:pw@a"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[REVC_URI_MAX];

		ck_assert_str_eq(nats_uri_show(cases[i].uri, buf), cases[i].shown);
	}
}
END_TEST

/* It may grow by what hides: the end is cut then, and nothing is written behind it. */
START_TEST(shows_the_longest)
{
	char uri[REVC_URI_MAX], buf[REVC_URI_MAX];

	memset(uri, 'x', sizeof(uri));
	memcpy(uri, "nats://", 7);
	for (size_t i = 9; i < 200; i += 3) {
		uri[i - 1] = '@';
		uri[i] = ',';
	}
	uri[250] = '/';
	uri[REVC_URI_MAX - 1] = '\0';
	ck_assert_uint_lt(strlen(nats_uri_show(uri, buf)), REVC_URI_MAX);
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
	tcase_add_test(t, takes_brokers_apart);
	tcase_add_test(t, shows_no_passwords);
	tcase_add_test(t, shows_the_longest);
	tcase_add_test(t, sees_what_a_bare_path_is);
	tcase_add_test(t, finds_the_default);
	suite_add_tcase(s, t);
	return runner_run(s);
}
