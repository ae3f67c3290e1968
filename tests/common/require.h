/* ck_assert_msg() for inner loops: it costs nothing as long as the condition holds,
 * where Check's own writes to a pipe each time. */
#pragma once

#include <check.h>

#define REQUIRE(condition, ...)                    \
	do {                                       \
		if (!(condition)) {                \
			ck_abort_msg(__VA_ARGS__); \
		}                                  \
	} while (0)
