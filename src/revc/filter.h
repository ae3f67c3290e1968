/*
 * Texts in, replies out, in order, each in a frame of its own through the pipeline.
 * Lines over a stream socket have a faster way: bulk.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "revc/input.h"
#include "revc/output.h"
#include "revc/pipeline.h"
#include "util/progress.h"

struct filter {
	struct pipeline p;
	struct output out;
	struct progress progress;
	uint64_t total, done; /* bytes of all input, 0: not known; of the files before this one */
	uint64_t start_ns;
	bool json;
	const char *what;      /* the texts are "line"s or "argument"s; NULL: not numbered */
	const char *name;      /* of the file, NULL: standard input */
	int code;              /* the exit code if nothing else fails */
	size_t limit;          /* the daemon's max_request; 0: not asked for yet */
	struct bytes *results; /* if set, results are put there and not out */
	char *json_text;       /* of json_file */
	size_t json_n;
	FILE *json_file;
};

/* What is put into results: one of these before each result's text. */
struct filter_result {
	size_t n;
	uint8_t status;
};

struct filter_options {
	const char *uri;
	struct revc_options session;
	bool json;
	uint64_t total; /* bytes of all input, 0: not known */
};

/* 0, or -errno with err. Finish it only after success. */
int filter_init(struct filter *, const struct filter_options *, struct revc_err *err) MUST_CHECK;
void filter_finish(struct filter *);

/* 0, or -errno: then either f->out.err is set, or f->p.err has the sentence. */
int filter_arguments(struct filter *, char *const *texts, size_t n) MUST_CHECK;

/* The tag of a line: its number and the size of its terminator. */
static inline uint64_t filter_tag(uint64_t line, size_t term)
{
	return line << 2 | term;
}

/* Writes one result where it belongs. */
int filter_emit(
	struct filter *, uint64_t tag, uint8_t status, const uint8_t *data, size_t n) MUST_CHECK;

/* Reads more, showing progress. */
int filter_fill(struct filter *, struct input *) MUST_CHECK;

/* Sends lines as frames; all of them, or only those from the next one on that
 * can't travel as lines. Returns when these are answered. */
int filter_frames(struct filter *, struct input *, bool all) MUST_CHECK;
