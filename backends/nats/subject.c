#include "nats/subject.h"

#include <string.h>

static bool is_wildcard(const char *token, size_t n)
{
	return n == 1 && (*token == '*' || *token == '>');
}

static const char *token_fault(const char *token, size_t n)
{
	if (n == 0) {
		return "has an empty token: dots stand between words";
	}
	if (is_wildcard(token, n)) {
		return "has a wildcard: it has to be one subject";
	}
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)token[i] <= ' ' || token[i] == 0x7f) {
			return "has a blank or a control byte in it";
		}
	}
	return NULL;
}

const char *nats_subject_fault(const char *s, size_t n)
{
	const char *end = s + n, *fault = NULL;

	if (n > NATS_SUBJECT_MAX) {
		return "is too long, 255 bytes at most";
	}
	if (n > 0 && *s == '$') {
		return "begins with a dollar sign: those subjects are the broker's";
	}
	while (!fault) {
		const char *dot = memchr(s, '.', (size_t)(end - s));

		fault = token_fault(s, (size_t)((dot ? dot : end) - s));
		if (!dot) {
			break;
		}
		s = dot + 1;
	}
	return fault;
}

bool nats_subject_is_plain(const char *s, size_t n)
{
	return !nats_subject_fault(s, n);
}
