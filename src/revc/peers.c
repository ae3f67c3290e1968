#include "revc/peers.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include "librevc/error.h"
#include "revc/answer.h"
#include "revc/ask.h"
#include "util/quote.h"

/* One peer, as PEERS tells of it. uid, pid: negative where nobody vouches for them. */
struct row {
	const char *endpoint, *transport, *name;
	json_int_t uid, pid, inflight, requests, age;
	int blocked;
};

static int row_load(json_t *peer, struct row *ret)
{
	*ret = (struct row){.uid = -1, .pid = -1};
	return json_unpack(peer, "{s:s, s:s, s?s, s?I, s?I, s:I, s:I, s:I, s:b}", "endpoint",
		       &ret->endpoint, "transport", &ret->transport, "name", &ret->name, "uid",
		       &ret->uid, "pid", &ret->pid, "inflight", &ret->inflight, "requests",
		       &ret->requests, "age", &ret->age, "blocked", &ret->blocked) < 0
		       ? -EINVAL
		       : 0;
}

/* "ana", "1000", or "-". */
static const char *user(json_int_t uid, char *buf, size_t size)
{
	const struct passwd *pw = uid < 0 ? NULL : getpwuid((uid_t)uid);

	if (pw) {
		return quote_text(pw->pw_name, strlen(pw->pw_name), buf, size);
	}
	(void)snprintf(buf, size, uid < 0 ? "-" : "%lld", (long long)uid);
	return buf;
}

static const char *number(json_int_t v, char *buf, size_t size)
{
	(void)snprintf(buf, size, v <= 0 ? "-" : "%lld", (long long)v);
	return buf;
}

static const char *age(json_int_t s, char *buf, size_t size)
{
	if (s < 120) {
		(void)snprintf(buf, size, "%llds", (long long)s);
	} else if (s < 7200) {
		(void)snprintf(buf, size, "%lldmin", (long long)s / 60);
	} else if (s < 172800) {
		(void)snprintf(buf, size, "%lldh", (long long)s / 3600);
	} else {
		(void)snprintf(buf, size, "%lldd", (long long)s / 86400);
	}
	return buf;
}

static void print_row(const struct row *r)
{
	char endpoint[64], transport[32], name[80] = "", who[40], pid[24], old[24];

	quote_text(r->endpoint, strlen(r->endpoint), endpoint, sizeof(endpoint));
	quote_text(r->transport, strlen(r->transport), transport, sizeof(transport));
	if (r->name) {
		quote_text(r->name, strlen(r->name), name, sizeof(name));
	}
	(void)printf("%-14s %-9s %-12s %8s %9lld %11lld %6s %s%s%s\n", endpoint, transport,
		user(r->uid, who, sizeof(who)), number(r->pid, pid, sizeof(pid)),
		(long long)r->inflight, (long long)r->requests, age(r->age, old, sizeof(old)),
		r->blocked ? "blocked" : "-",
		!name[0]     ? ""
		: r->blocked ? " "
			     : "       ",
		name);
}

static int show_peers(const json_t *peers, bool json)
{
	for (size_t i = 0; i < json_array_size(peers); i++) {
		json_t *peer = json_array_get(peers, i);
		struct row row;

		if (row_load(peer, &row) < 0) {
			return -EINVAL;
		}
		if (json) {
			(void)json_dumpf(peer, stdout, JSON_COMPACT);
			(void)putchar('\n');
		} else {
			print_row(&row);
		}
	}
	return 0;
}

/* Shows a page, and writes where the next one begins: "" behind the last. */
static int show_page(const struct ask *a, char *next, size_t size)
{
	json_t *page = answer_parse(a->data, a->n), *peers;
	const char *more = NULL;
	json_t *at;
	int r = -EINVAL;

	if (page && json_unpack(page, "{s:o, s:o}", "peers", &peers, "next", &at) == 0) {
		more = json_string_value(at);
		r = show_peers(peers, a->arguments->json);
	}
	(void)snprintf(next, size, "%s", more ? more : "");
	json_decref(page);
	return r;
}

static int show_all(struct ask *a)
{
	char next[64] = "";

	do {
		if (ask(a, RV_OP_PEERS, next) != 0) {
			return ask_complain(a);
		}
		if (!a->arguments->json && !next[0]) {
			(void)printf("%-14s %-9s %-12s %8s %9s %11s %6s %-7s %s\n", "ENDPOINT",
				"TRANSPORT", "USER", "PID", "IN-FLIGHT", "REQUESTS", "AGE",
				"BLOCKED", "NAME");
		}
		if (show_page(a, next, sizeof(next)) < 0) {
			(void)fprintf(stderr, "revc: %s: the answer is not understood\n", a->uri);
			return EXIT_UNAVAILABLE;
		}
	} while (next[0]);
	return 0;
}

int peers_run(const struct arguments *o)
{
	struct ask a;
	int code;

	ask_open(&a, o, o->uri);
	code = show_all(&a);
	ask_close(&a);
	return code;
}
