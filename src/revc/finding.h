/* What --doctor has found: printed as it comes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "util/macro.h"

enum severity { FINDING_OK, FINDING_WARNING, FINDING_ERROR };

/* mend: the command that mends it; NULL: there is none. */
void finding(enum severity, const char *mend, const char *format, ...) PRINTF(3, 4);
/* Were all of them so far ok? */
bool findings_are_ok(void);
/* The word, as the shell wants it. buf: what does not fit is cut off. Returns buf. */
char *finding_quote(const char *word, char *buf, size_t size);
