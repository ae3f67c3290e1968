/*
 * config_load() on any bytes. Either there are errors, each with its place, in
 * order, and without a byte that a log could be forged with; or there is a
 * configuration, whose dump loads again and means the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "config/load.h"
#include "fuzz/fuzz.h"
#include "unit/config/fake.h"
#include "util/fd.h"

#define SOME_USER 1000

/* path[32] gets a name for a file of these bytes. The caller closes. */
static int make_file(const void *data, size_t size, char *path)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && fd_write_all(fd, data, size) == 0);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_errors(const struct config_errors *errs, const char *path)
{
	unsigned long line = 0;
	size_t n = strlen(path);

	FUZZ_CHECK(errs->n > 0);
	for (size_t i = 0; i < errs->n; i++) {
		const char *text = errs->text[i];
		unsigned long at;

		FUZZ_CHECK(strncmp(text, path, n) == 0 && text[n] == ':');
		for (const char *p = text; *p; p++) {
			FUZZ_CHECK(*p >= 0x20 && *p < 0x7f);
		}
		at = strtoul(text + n + 1, NULL, 10); /* 0: of the whole file */
		FUZZ_CHECK(at >= line);
		line = at;
	}
}

static void check_dump(const struct config *c, const struct config_registry *reg)
{
	CLEANUP(config_destroy_p) struct config *again = NULL;
	CLEANUP_FREE char *text = NULL;
	struct config_errors errs = {0};
	char path[32];
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int fd;

	FUZZ_CHECK(f && config_dump(c, f) == 0);
	fclose(f);
	fd = make_file(text, n, path);
	FUZZ_CHECK(
		load_as(SOME_USER, &(struct config_source){.file = path}, reg, &again, &errs) == 0);
	close(fd);
	FUZZ_CHECK(again->n_endpoints == c->n_endpoints && c->n_endpoints > 0);
	for (size_t i = 0; i < c->n_endpoints; i++) {
		FUZZ_CHECK(strcmp(c->endpoints[i].name, again->endpoints[i].name) == 0);
		FUZZ_CHECK(config_endpoint_diff(&c->endpoints[i], &again->endpoints[i]) ==
			   CONFIG_SAME);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(config_destroy_p) struct config *c = NULL;
	struct config_errors errs = {0};
	struct fake fake;
	struct config_registry reg = fake_registry(&fake);
	char path[32];
	int fd = make_file(data, size, path);
	int r = load_as(SOME_USER, &(struct config_source){.file = path}, &reg, &c, &errs);

	FUZZ_CHECK(fake.plugin_calls == 1);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	if (r == 0) {
		check_dump(c, &reg);
	} else {
		check_errors(&errs, path);
	}
	config_errors_finish(&errs);
	close(fd);
	return 0;
}
