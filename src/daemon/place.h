/* Where the defaults are, and the configurations that need no file. */
#pragma once

#include <stdbool.h>
#include "daemon/options.h"
#include "util/macro.h"

/* For --demo: a fresh directory with a configuration in it. */
struct place {
	char *config;      /* the file to load, NULL: built-in defaults */
	char *runtime_dir; /* where the default endpoints are */
	char *demo_dir;    /* NULL: no demo */
	char *temporary;   /* a file to remove once it is loaded */
};

/* 0, or -errno after an error message. */
int place_init(struct place *, const struct options *) MUST_CHECK;
/* Makes the default runtime directory if it is ours to make. */
int place_make(const struct place *) MUST_CHECK;
/* What to paste into another terminal. */
void place_print_demo(const struct place *);
/* Removes what place_init() made. */
void place_finish(struct place *);
