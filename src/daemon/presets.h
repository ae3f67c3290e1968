/* The configurations that need no file of the user's: --stdio and --demo. */
#pragma once

#include "util/macro.h"

/* Standard input to standard output. */
extern const char preset_stdio[];

/* A fresh directory with a configuration for every transport in it. */
struct demo {
	char *dir, *file;
};

/* 0, or -errno after an error message; demo_finish() in any case. */
int demo_init(struct demo *) MUST_CHECK;
/* What to paste into another terminal. */
void demo_print(const struct demo *);
/* Removes what demo_init() made. Fine on one that is all zero. */
void demo_finish(struct demo *);
