#include "librevc/uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "librevc/error.h"
#include "librevc/nats_uri.h"
#include "util/macro.h"
#include "util/quote.h"

struct scheme {
	const char *name;
	const char *form;
	size_t max; /* bytes of an address */
};

static const struct scheme schemes[] = {
	[URI_UDS] = {"uds", "uds:PATH or uds:@NAME",
		sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1},
	[URI_SHM] = {"shm", "shm:PATH or shm:@NAME",
		sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1},
	[URI_FIFO] = {"fifo", "fifo:PATH", REVC_URI_MAX - sizeof("fifo:") - 2},
	/* /NAME.TOKEN has to stay a file name */
	[URI_MQUEUE] = {"mqueue", "mqueue:/NAME", 255 - 1 - 22},
	[URI_PTY] = {"pty", "pty:PATH", REVC_URI_MAX - sizeof("pty:") - 1},
	[URI_NATS] = {"nats", "nats://HOST:PORT/SUBJECT", REVC_URI_MAX - sizeof("nats:")},
	[URI_NATS_TLS] = {"tls", "tls://HOST:PORT/SUBJECT", REVC_URI_MAX - sizeof("nats:")},
};

static const struct scheme *scheme_of(const char *text, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strlen(schemes[i].name) == n && memcmp(schemes[i].name, text, n) == 0) {
			return &schemes[i];
		}
	}
	return NULL;
}

static int refuse(struct revc_err *err, const char *text, const char *why)
{
	char shown[160], hidden[REVC_URI_MAX];

	text = nats_uri_show(text, hidden);
	error_set(err, EINVAL, EXIT_USAGE, "'%s' %s",
		quote_text(text, strlen(text), shown, sizeof(shown)), why);
	return -EINVAL;
}

/* A path without a scheme is the likeliest slip: look at what is there. */
static int refuse_bare(struct revc_err *err, const char *text)
{
	char why[96];
	struct stat st;
	const char *scheme = NULL;

	if (stat(text, &st) == 0) {
		scheme = S_ISSOCK(st.st_mode) ? "uds" : S_ISFIFO(st.st_mode) ? "fifo" : NULL;
	}
	if (!scheme) {
		return refuse(err, text,
			"is no endpoint: uds:PATH, shm:PATH, fifo:PATH, pty:PATH, mqueue:/NAME or "
			"nats://HOST/SUBJECT");
	}
	(void)snprintf(why, sizeof(why), "lacks its transport: put %s: in front", scheme);
	return refuse(err, text, why);
}

/* Queue names are one component below a slash, mq_overview(7). */
static bool is_queue(const char *address)
{
	return address[0] == '/' && address[1] && !strchr(address + 1, '/');
}

static bool is_nats(const struct scheme *s)
{
	return s == &schemes[URI_NATS] || s == &schemes[URI_NATS_TLS];
}

static int check_address(
	const struct scheme *s, const char *text, const char *address, struct revc_err *err)
{
	struct nats_place place;
	const char *wrong;
	char why[96];

	if (!*address || strcmp(address, "@") == 0) {
		(void)snprintf(why, sizeof(why), "has no address: %s", s->form);
		return refuse(err, text, why);
	}
	if (strlen(address) > s->max) {
		(void)snprintf(
			why, sizeof(why), "is too long: an address may have %zu bytes", s->max);
		return refuse(err, text, why);
	}
	if (is_nats(s) && (wrong = nats_uri_parse(text, &place))) {
		return refuse(err, text, wrong);
	}
	if (s == &schemes[URI_MQUEUE] && !is_queue(address)) {
		return refuse(err, text, "is no queue: mqueue:/NAME, with one slash, at the start");
	}
	return 0;
}

int uri_parse(const char *text, struct uri *ret, struct revc_err *err)
{
	const char *colon = strchr(text, ':');
	const struct scheme *s;
	char hidden[REVC_URI_MAX];
	int r;

	if (!colon || memchr(text, '/', (size_t)(colon - text))) {
		return refuse_bare(err, text);
	}
	s = scheme_of(text, (size_t)(colon - text));
	if (!s) {
		return refuse(err, text,
			"has an unknown transport: use uds:, shm:, fifo:, pty:, mqueue:, nats: or "
			"tls:");
	}
	r = check_address(s, text, colon + 1, err);
	if (r < 0) {
		return r;
	}
	ret->scheme = (enum uri_scheme)(s - schemes);
	memcpy(ret->text, text, strlen(text) + 1);
	ret->address = ret->text + (colon + 1 - text);
	(void)snprintf(ret->shown, sizeof(ret->shown), "%s", nats_uri_show(text, hidden));
	return 0;
}

bool revc_uri_check(const char *uri, struct revc_err *err)
{
	struct uri u;

	return uri_parse(uri, &u, err) == 0;
}

bool uri_find_default(char buf[REVC_URI_MAX])
{
	const char *const dirs[] = {"/run", getenv("XDG_RUNTIME_DIR")};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int n = dirs[i] && dirs[i][0] == '/'
				? snprintf(buf, REVC_URI_MAX, "uds:%s/revd/revd.sock", dirs[i])
				: 0;

		if (n > 0 && n < REVC_URI_MAX && access(buf + strlen("uds:"), F_OK) == 0) {
			return true;
		}
	}
	return false;
}

char *revc_uri_default(char buf[REVC_URI_MAX])
{
	const char *env = getenv("REVD_ENDPOINT");

	if (env && *env) {
		/* too long a one stays too long, and is refused as such */
		(void)snprintf(buf, REVC_URI_MAX, "%s", env);
		return buf;
	}
	if (!uri_find_default(buf)) {
		(void)snprintf(buf, REVC_URI_MAX, "uds:/run/revd/revd.sock");
	}
	return buf;
}
