#include "revc/filter.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "util/quote.h"
#include "librevc/failure.h"
#include "revc/answer.h"
#include "proto/status.h"
#include "util/clock.h"
#include "util/json.h"

#define TAG_INFO UINT64_MAX
#define FIRST_NS 1000000000u /* of work before progress is shown */
#define MIB 1048576.0
#define LIMIT_UNKNOWN ((size_t)64 << 20) /* of a daemon that doesn't say */

static void report(struct filter *f, uint64_t number, uint8_t status, const uint8_t *data, size_t n)
{
	char said[512], name[256];

	progress_clear(&f->progress);
	(void)fputs("revc: ", stderr);
	if (status == RV_STATUS_DENIED) { /* by an endpoint, and not for what the text is */
		(void)fprintf(stderr, "%s: ", f->p.shown);
	}
	if (f->name) {
		(void)fprintf(
			stderr, "%s: ", quote_text(f->name, strlen(f->name), name, sizeof(name)));
	}
	if (f->what) {
		(void)fprintf(stderr, "%s %" PRIu64 ": ", f->what, number);
	}
	(void)fprintf(
		stderr, "%s: %s\n", status_name(status), quote_text(data, n, said, sizeof(said)));
}

/* The code of the first text that was refused for good counts, else of any. */
static void note_status(struct filter *f, uint8_t status)
{
	if (status != RV_STATUS_OK && (!f->code || f->code == EXIT_TRY_LATER)) {
		f->code = error_exit_code(status);
	}
}

int filter_emit(struct filter *f, uint64_t tag, uint8_t status, const uint8_t *data, size_t n)
{
	static const char *const terms[] = {"", "\n", "\r\n"};
	size_t term = tag & 3;
	int r = 0;

	note_status(f, status);
	if (status == RV_STATUS_OK) {
		r = output_put(&f->out, data, n);
	} else {
		report(f, tag >> 2, status, data, n);
	}
	r = r < 0 ? r : output_put(&f->out, terms[term], term);
	f->out.open = term == 0; /* at the end of a file: another one may follow */
	return r;
}

static int emit_json(struct filter *f, const struct pipeline_result *result)
{
	bool ok = result->status == RV_STATUS_OK;
	struct json_writer j = {.file = f->json_file};

	note_status(f, result->status);
	rewind(f->json_file);
	json_write_object(&j, NULL);
	json_write_text(&j, "request", result->request, result->request_len);
	if (!ok) {
		json_write_null(&j, "reply");
	}
	json_write_text(&j, ok ? "reply" : "error", result->data, result->len);
	json_write_string(&j, "status", status_name(result->status));
	json_write_double(&j, "ms", (double)result->ns / 1e6, 3);
	json_write_end(&j);
	(void)fputc('\n', f->json_file);
	if (fflush(f->json_file) != 0) {
		f->out.err = ENOMEM;
		return -ENOMEM;
	}
	return output_put(&f->out, f->json_text, f->json_n);
}

static int collect(struct filter *f, const struct pipeline_result *result)
{
	struct filter_result head = {.n = result->len, .status = result->status};
	int r = bytes_put(f->results, &head, sizeof(head));

	r = r < 0 ? r : bytes_put(f->results, result->data, result->len);
	if (r < 0) {
		f->out.err = -r;
	}
	return r;
}

static int deliver(void *ctx, const struct pipeline_result *result)
{
	struct filter *f = ctx;
	double limit;

	if (result->tag == TAG_INFO) {
		bool known = result->status == RV_STATUS_OK &&
			     answer_unpack(result->data, result->len, "{s:{s:F}}", "limits",
				     "max_request", &limit) == 0 &&
			     limit >= 1 && limit <= (double)UINT32_MAX;

		f->limit = known ? (size_t)limit : LIMIT_UNKNOWN;
		return 0;
	}
	if (f->results) {
		return collect(f, result);
	}
	return f->json ? emit_json(f, result)
		       : filter_emit(f, result->tag, result->status, result->data, result->len);
}

int filter_init(struct filter *f, const struct filter_options *o, struct revc_err *err)
{
	int r;

	*f = (struct filter){.json = o->json};
	r = pipeline_init(&f->p, o->uri, &o->session, deliver, f, err);
	if (r < 0) {
		return r;
	}
	f->json_file = open_memstream(&f->json_text, &f->json_n);
	if (!f->json_file) {
		pipeline_finish(&f->p);
		error_set(err, ENOMEM, EXIT_TRY_LATER, "out of memory");
		return -ENOMEM;
	}
	output_init(&f->out, STDOUT_FILENO);
	f->total = o->total;
	f->start_ns = clock_now();
	/* On one and the same terminal the line would end up among the replies. */
	progress_init(&f->progress, o->total > 0 && !isatty(STDOUT_FILENO), FIRST_NS);
	return 0;
}

void filter_finish(struct filter *f)
{
	progress_clear(&f->progress);
	(void)fclose(f->json_file);
	free(f->json_text);
	output_finish(&f->out);
	pipeline_finish(&f->p);
}

int filter_arguments(struct filter *f, char *const *texts, size_t n)
{
	int r = 0;

	f->what = n > 1 ? "argument" : NULL;
	for (size_t i = 0; i < n && r == 0; i++) {
		r = pipeline_push(
			&f->p, RV_OP_CALL, filter_tag(i + 1, 1), texts[i], strlen(texts[i]));
	}
	r = r < 0 ? r : pipeline_drain(&f->p);
	return r < 0 ? r : output_flush(&f->out);
}

static void show_progress(struct filter *f, uint64_t bytes)
{
	double seconds, rate, done, total = (double)f->total;

	if (!progress_is_due(&f->progress)) {
		return;
	}
	done = MIN((double)(f->done + bytes), total);
	seconds = (double)(clock_now() - f->start_ns) / 1e9;
	rate = done / seconds;
	progress_show(&f->progress, "%3.0f %%  %.1f of %.1f MiB, %.1f MiB/s, %.0f s left ",
		100.0 * done / total, done / MIB, total / MIB, rate / MIB,
		rate > 0 ? (total - done) / rate : 0.0);
}

int filter_fill(struct filter *f, struct input *in)
{
	int r = input_fill(in);

	if (r < 0) {
		error_set(&f->p.err, -r, 1, "%s: %s", in->name ? in->name : "standard input",
			strerror(-r));
		return r;
	}
	show_progress(f, in->taken);
	return 0;
}

/* Serves what is under way until there is input; shows all before it would wait. */
static int await_input(struct filter *f, struct input *in)
{
	int r = 0;

	if (!input_is_ready(in)) {
		r = pipeline_wait(&f->p, in->fd);
		r = r < 0 ? r : output_flush(&f->out);
	}
	return r < 0 ? r : filter_fill(f, in);
}

static int ask_limit(struct filter *f)
{
	int r = pipeline_push(&f->p, RV_OP_INFO, TAG_INFO, NULL, 0);

	return r < 0 ? r : pipeline_drain(&f->p);
}

/* One more for a CR that may belong to the terminator: the daemon judges that. */
static size_t line_max_of(const struct filter *f)
{
	return f->limit + 1;
}

/* A line of more than a MiB: is it too long for the daemon? Then it is let go. */
static int on_long_line(struct filter *f, struct input *in)
{
	char said[96];
	uint64_t line = in->line, n;
	size_t term;
	int r = pipeline_drain(&f->p), k;

	if (r < 0) {
		return r;
	}
	if (!f->limit) {
		return ask_limit(f);
	}
	if (in->line_max != line_max_of(f)) {
		in->line_max = line_max_of(f);
		return 0;
	}
	if (!input_skip(in, &n, &term)) {
		r = output_flush(&f->out);
		return r < 0 ? r : filter_fill(f, in);
	}
	k = snprintf(said, sizeof(said), "%" PRIu64 " bytes, the limit is %zu", n, f->limit);
	return filter_emit(f, filter_tag(line, term), RV_STATUS_TOO_LARGE, (const uint8_t *)said,
		(size_t)MAX(k, 0));
}

/* A first byte 0xFF would begin a frame, and a text without LF is no line. */
static bool needs_frame(const struct input_line *line, bool whole)
{
	return (whole && line->term == 0) || (line->n > 0 && line->text[0] == RV_FRAME_MAGIC);
}

static int push_line(struct filter *f, struct input *in, const struct input_line *line)
{
	int r = pipeline_push(
		&f->p, RV_OP_CALL, filter_tag(in->line, line->term), line->text, line->n);

	input_take(in, line);
	return r;
}

int filter_frames(struct filter *f, struct input *in, bool all)
{
	struct input_line line;
	int r = 0;

	while (r == 0) {
		enum input_kind kind = input_next(in, &line);

		if (kind == INPUT_END ||
			(!all && kind != INPUT_LONG && !needs_frame(&line, kind == INPUT_LINE))) {
			return pipeline_drain(&f->p);
		}
		r = kind == INPUT_LINE   ? push_line(f, in, &line)
		    : kind == INPUT_LONG ? on_long_line(f, in)
					 : await_input(f, in);
	}
	return r;
}
