#include "revc/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "librevc/error.h"
#include "librevc/uri.h"
#include "revc/bulk.h"
#include "revc/prompt.h"
#include "revc/signals.h"
#include "util/fd.h"
#include "util/quote.h"

static int say(const struct revc_err *err)
{
	(void)fprintf(stderr, "revc: %s\n", err->text);
	return err->exit_code;
}

/* Queues are scarce; without one of our own there is no reply. A default socket, if it
 * exists, leads to the same daemon. */
static const char *fallback(const char *uri, const struct revc_err *err, char buf[REVC_URI_MAX])
{
	const char *env = getenv("REVD_ENDPOINT");

	if (strncmp(uri, "mqueue:", 7) != 0 || (err->err != EMFILE && err->err != ENOSPC)) {
		return NULL;
	}
	if (env && strncmp(env, "uds:", 4) == 0) {
		return env;
	}
	return uri_find_default(buf) ? buf : NULL;
}

static int open_filter(struct filter *f, struct filter_options *fo, struct revc_err *err)
{
	char buf[REVC_URI_MAX];
	int r = filter_init(f, fo, err);
	const char *other = r < 0 ? fallback(fo->uri, err, buf) : NULL;

	if (!other) {
		return r;
	}
	(void)fprintf(stderr, "revc: %s; asking %s instead\n", err->text, other);
	fo->uri = other;
	return filter_init(f, fo, err);
}

static int open_input(const char *name, int *ret_fd)
{
	char shown[256];
	int fd;

	if (strcmp(name, "-") == 0) {
		*ret_fd = dup(STDIN_FILENO);
		return *ret_fd < 0 ? -errno : 0;
	}
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		int r = -errno;

		(void)fprintf(stderr, "revc: %s: %s\n",
			quote_text(name, strlen(name), shown, sizeof(shown)), strerror(-r));
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int serve_input(struct filter *f, int fd, const char *name)
{
	struct input in;
	int r = input_init(&in, fd, name);

	if (r < 0) {
		error_set(&f->p.err, ENOMEM, EXIT_TRY_LATER, "out of memory");
		return r;
	}
	r = bulk_input(f, &in);
	input_finish(&in);
	return r;
}

/* A file that can't be opened is told and left out, as by cat(1). */
static int serve_files(struct filter *f, const struct arguments *o)
{
	int r = 0;

	for (size_t i = 0; i < o->n && r == 0; i++) {
		const char *name = o->operands[i];
		CLEANUP_FD int fd = -1;

		if (open_input(name, &fd) < 0) {
			f->code = EXIT_FAILURE;
		} else {
			r = serve_input(f, fd, strcmp(name, "-") == 0 ? NULL : name);
		}
	}
	return r;
}

static uint64_t size_of_input(const struct arguments *o)
{
	uint64_t total = 0;
	struct stat st;

	for (size_t i = 0; i < (o->files ? o->n : 1); i++) {
		bool is_stdin = !o->files || strcmp(o->operands[i], "-") == 0;

		if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(o->operands[i], &st)) < 0 ||
			!S_ISREG(st.st_mode)) {
			return 0;
		}
		total += (uint64_t)st.st_size;
	}
	return total;
}

static int serve(struct filter *f, const struct arguments *o)
{
	if (o->files) {
		return serve_files(f, o);
	}
	if (o->n > 0) {
		return filter_arguments(f, o->operands, o->n);
	}
	return isatty(STDIN_FILENO) && !o->json ? prompt_run(f)
						: serve_input(f, STDIN_FILENO, NULL);
}

/* What the end of serving means to the caller. What was served is written first. */
static int judge(struct filter *f, int r)
{
	if (r < 0 && !f->out.err && output_flush(&f->out) == 0) {
		progress_clear(&f->progress);
		(void)say(&f->p.err);
		return f->p.err.exit_code;
	}
	if (f->out.err && f->out.err != EPIPE) {
		(void)fprintf(stderr, "revc: standard output: %s\n", strerror(f->out.err));
		return 1;
	}
	return f->code;
}

int texts_run(const struct arguments *o)
{
	struct filter_options fo = {
		.uri = o->uri,
		.session = o->session,
		.json = o->json,
		.total = o->files || o->n == 0 ? size_of_input(o) : 0,
	};
	struct filter f;
	struct revc_err err;
	bool unread;
	int code;

	if (open_filter(&f, &fo, &err) < 0) {
		return say(&err);
	}
	code = judge(&f, serve(&f, o));
	unread = f.out.err == EPIPE;
	filter_finish(&f);
	if (unread) {
		signals_die_of_pipe();
	}
	return code;
}
