/* Judges the replies of one connection by its script, byte for byte, as they come. */
#pragma once

#include <revd/option.h>
#include "bench/script.h"

/* Where the replies of one connection have got to. */
struct script_check {
	size_t at;      /* bytes of rx seen, modulo rx_len */
	size_t in_text; /* bytes of the current reply seen */
	size_t request; /* its number in the script */
	uint8_t head[RV_FRAME_HEADER];
	size_t head_len;  /* bytes of a header so far */
	size_t body_left; /* of the current frame */
	bool more;        /* the current frame is not the last of its reply */
};

/* Judges the next n bytes of replies. The number of replies that they finish, or
 * -EBADMSG with a sentence in err. */
int script_check_bytes(struct script_check *, const struct script *, const uint8_t *p, size_t n,
	struct rv_err *err) MUST_CHECK;

/* The same for one whole message: it may not hold parts of two replies. */
int script_check_message(struct script_check *, const struct script *, const uint8_t *p, size_t n,
	struct rv_err *err) MUST_CHECK;
