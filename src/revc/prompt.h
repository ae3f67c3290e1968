/* The interactive prompt, with line editing and history by libedit. */
#pragma once

#include "revc/filter.h"

/* Until ^D. 0, or as filter_arguments(). */
int prompt_run(struct filter *) MUST_CHECK;
