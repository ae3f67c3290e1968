/* As much of HTTP/1.1 as it takes to be scraped: one request on standard input, one answer
 * on standard output. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "util/macro.h"

/* Reads the request. False: it was for something else, or none, and is answered. */
bool http_wants_metrics(void);
/* Answers it with n bytes of metrics. 0, or -EIO. */
int http_answer(const char *body, size_t n) MUST_CHECK;
