/* A file that results go to: opened before anything is measured, so that nobody waits for
 * minutes to hear that it can't be written. Until the results are there, a file that has been
 * there before keeps what it holds. */
#pragma once

#include "bench/report.h"

struct report_file {
	const char *path; /* NULL: none is wanted */
	FILE *file;
	bool made; /* here, so that it goes again if nothing is written */
};

/* 0, or -errno with a sentence. path NULL: it has no file, and all of this does nothing. */
int report_file_open(struct report_file *, const char *path, struct rv_err *) MUST_CHECK;
int report_file_write(struct report_file *, void (*write)(FILE *, const struct report *),
	const struct report *, struct rv_err *) MUST_CHECK;

/* Closes and, if it was made here and never written, removes it. */
void report_file_finish(struct report_file *);
