/* Texts and their reversal by graphemes, for tests of whatever carries them. */
#pragma once

#include <stddef.h>

struct text_pair {
	const char *text, *reversed;
};

static const struct text_pair texts[] = {
	{"hola", "aloh"},
	{"a", "a"},
	{"¿Cómo estás, niño?", "?oñin ,sátse omóC¿"},
	{"España 🇪🇸🇸🇪!", "!🇸🇪🇪🇸 añapsE"},
	{"la familia 👨‍👩‍👧‍👦 y tú 👍🏽",
		"👍🏽 út y 👨‍👩‍👧‍👦 ailimaf al"},
	/* decomposed: the accent stays with its letter */
	{"cafe\xcc\x81 n\xcc\x83", "n\xcc\x83 e\xcc\x81"
				   "fac"},
	/* Hangul in jamo, Devanagari */
	{"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab!", "!\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"},
	{"\tx \x01y\x7f", "\x7fy\x01 x\t"},
	{"%n%s%s%n<0>", ">0<n%s%s%n%"},
};

#define TEXTS (sizeof texts / sizeof texts[0])
