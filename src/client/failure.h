/* What went wrong, in a sentence that names the object and the way out. */
#pragma once

#include "client/revc.h"
#include "client/uri.h"
#include "util/macro.h"

/* sysexits.h, as exit codes of revc */
#define FAILURE_USAGE 64
#define FAILURE_UNAVAILABLE 69
#define FAILURE_TRY_LATER 75

enum failure_stage {
	FAILURE_CONNECT, /* the request name */
	FAILURE_REPLY,   /* the reply name */
	FAILURE_SEND,
	FAILURE_RECEIVE,
};

void failure_set(struct revc_err *, int err, int exit_code, const char *fmt, ...) PRINTF(4, 5);

/* Translates errno `err` (positive) of a stage. Returns -err. */
int failure_explain(struct revc_err *, const struct uri *, enum failure_stage, int err);
