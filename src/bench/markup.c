#include "bench/markup.h"

#include <string.h>

void markup_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*text, f);
			break;
		}
	}
}

void markup_element(FILE *f, const char *tag, const char *text)
{
	fprintf(f, "<%s>", tag);
	markup_text(f, text);
	fprintf(f, "</%.*s>", (int)strcspn(tag, " "), tag);
}
