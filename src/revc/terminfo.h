/* What terminfo(5) knows. (Its header has macros with names like `columns`.) */
#pragma once

#include <stdbool.h>

/* Is there a description of $TERM? */
bool terminfo_has_terminal(void);
