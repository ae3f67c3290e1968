#include "revc/finding.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "util/quote.h"

static bool all_ok = true;

void finding(enum severity severity, const char *mend, const char *format, ...)
{
	static const char *const words[] = {"ok", "warning", "error"};
	char sentence[1024], shown[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	(void)printf("%-8s %s\n", words[severity],
		quote_text(sentence, strlen(sentence), shown, sizeof(shown)));
	if (mend) {
		(void)printf("         mend it: %s\n", mend);
	}
	all_ok = all_ok && severity == FINDING_OK;
}

bool findings_are_ok(void)
{
	return all_ok;
}

char *finding_quote(const char *word, char *buf, size_t size)
{
	size_t n = 0;

	buf[n++] = '\'';
	for (; *word && n + 6 < size; word++) {
		if (*word == '\'') {
			memcpy(buf + n, "'\\''", 4);
			n += 4;
		} else {
			buf[n++] = *word;
		}
	}
	buf[n++] = '\'';
	buf[n] = '\0';
	return buf;
}
