/* Subjects of NATS, as its protocol has them: tokens with dots between. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NATS_SUBJECT_MAX 255 /* bytes */

/* May a message be sent to the n bytes at s? Tokens are not empty, without blanks and
 * control bytes, and no wildcards; the first does not begin with a dollar sign: what does
 * so means something to the broker ($SYS, $JS, $SRV). */
bool nats_subject_is_plain(const char *s, size_t n);
/* Why a subject is none that may be served, as what follows its name; NULL: it may. */
const char *nats_subject_fault(const char *s, size_t n);
