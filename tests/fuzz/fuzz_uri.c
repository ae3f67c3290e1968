/* URIs of endpoints: what is one is the same when it is parsed again, and what is none is
 * refused in one printable line. */
#include <errno.h>
#include <string.h>
#include "fuzz/fuzz.h"
#include "librevc/uri.h"
#include "util/macro.h"

static void check_refused(const struct revc_err *e)
{
	size_t n = strnlen(e->text, sizeof(e->text));

	FUZZ_CHECK(e->err == EINVAL && e->exit_code == 64);
	FUZZ_CHECK(n > 0 && n < sizeof(e->text));
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK((uint8_t)e->text[i] >= 0x20 && e->text[i] != 0x7f);
	}
}

static void check_accepted(const char *text, const struct uri *u)
{
	struct uri again;
	struct revc_err err;

	FUZZ_CHECK(strlen(u->text) < sizeof(u->text));
	FUZZ_CHECK(u->address > u->text && u->address < u->text + strlen(u->text));
	FUZZ_CHECK(strcmp(text, u->text) == 0);
	FUZZ_CHECK(uri_parse(u->text, &again, &err) == 0 && again.scheme == u->scheme);
	FUZZ_CHECK(strcmp(again.text, u->text) == 0);
	FUZZ_CHECK(strcmp(again.address, u->address) == 0);
	FUZZ_CHECK(
		u->scheme != URI_MQUEUE || (u->address[0] == '/' && !strchr(u->address + 1, '/')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = calloc(1, size + 1);
	struct revc_err err;
	struct uri u;
	int r;

	FUZZ_CHECK(text);
	memcpy(text, data, size);
	r = uri_parse(text, &u, &err);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	FUZZ_CHECK(revc_uri_check(text, &err) == (r == 0));
	if (r == 0) {
		check_accepted(text, &u);
	} else {
		check_refused(&err);
	}
	return 0;
}
