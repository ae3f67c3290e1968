/* What keys do at the prompt other than libedit has it. */
#pragma once

#include <histedit.h>

/* ^C clears the line; Backspace takes away what a reader calls a character. */
void keys_bind(EditLine *);
