/* A terminal that hands on bytes as they are: no echo, no editing of lines, no signals, no
 * CR for an LF. Programs take it for a person's and answer each line at once. */
#pragma once

#include "util/macro.h"

/* The master's end, non-blocking, and the program's. 0 or -errno. */
int terminal_open(int *ret_master, int *ret_slave) MUST_CHECK;
