/* Text in HTML and SVG. */
#pragma once

#include <stdio.h>

/* Writes text with & < > " escaped. */
void markup_text(FILE *, const char *text);

/* <tag>text</tag>; tag: with attributes, if there are any. */
void markup_element(FILE *, const char *tag, const char *text);
