/* STATS as a table, a row for each endpoint. */
#pragma once

#include <stddef.h>
#include <stdio.h>
#include "util/macro.h"

/* 0, or -EINVAL: the n bytes are not what STATS answers. */
int table_print(const void *text, size_t n, FILE *) MUST_CHECK;
