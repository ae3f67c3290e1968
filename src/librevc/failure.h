/* What went wrong, in a sentence that names the object and the way out. */
#pragma once

#include "librevc/error.h"
#include "librevc/uri.h"

enum failure_stage {
	FAILURE_CONNECT, /* the request name */
	FAILURE_REPLY,   /* the reply name */
	FAILURE_SEND,
	FAILURE_RECEIVE,
};

/* Why a FIFO refuses a request. */
#define FIFO_BYTES "these bytes cannot be sent over a FIFO, see revd-protocol(7)"

/* Translates errno `err` (positive) of a stage. Returns -err. */
int failure_explain(struct revc_err *, const struct uri *, enum failure_stage, int err);
