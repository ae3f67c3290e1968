/* A program that runs to its end: revc, revd --check, the shell. */
#pragma once

#include <stddef.h>
#include "common/rig.h"

struct run {
	int status;      /* the exit code; 128 + the signal */
	char *out, *err; /* what it wrote, NUL behind it */
	size_t out_n, err_n;
};

/*
 * Runs argv (ends with NULL) in the rig's directory, `input` being its standard
 * input. @DIR@ and @QUEUE@ in arguments are replaced. argv[0] may be "revd" or
 * "revc": the built ones, behind REVD_WRAPPER.
 */
void run(struct run *, const struct rig *, const void *input, size_t n, const char *const *argv);
void run_free(struct run *);

#define RUN(r, rig, ...) run((r), (rig), NULL, 0, (const char *const[]){__VA_ARGS__, NULL})
#define RUN_INPUT(r, rig, in, n, ...) \
	run((r), (rig), (in), (n), (const char *const[]){__VA_ARGS__, NULL})
