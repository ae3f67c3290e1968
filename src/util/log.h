/*
 * The log of a program: one line an entry, on standard error.
 *
 * Under the journal (JOURNAL_STREAM names our stderr) lines start with <N>;
 * on a terminal they have colour (NO_COLOR respected); otherwise the level's
 * name. What clients sent must go through rv_quote(), <revd/quote.h>, so that no byte of it
 * can start a line or reach a terminal. Thread-safe; a stderr that is closed or
 * full loses entries and nothing else.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h> /* LOG_ERR LOG_WARNING LOG_NOTICE LOG_INFO LOG_DEBUG */
#include "util/macro.h"

/* Chooses the style by looking at standard error. prog: static. */
void log_init(const char *prog);
/* From now on lines begin with the time, where no journal adds it: ISO 8601, in UTC,
 * which needs no time zone and goes on evenly when the clocks change. */
void log_show_time(void);
void log_set_level(int level);
int log_level(void);

void log_msg(int prio, const char *fmt, ...) PRINTF(2, 3);
void log_vmsg(int prio, const char *prefix, const char *fmt, va_list ap) PRINTF(3, 0);

#define log_error(...) log_msg(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

/* Token bucket for entries that clients can cause: up to 10, then one a second.
 * log_allow() returns false when the entry is to be dropped; *ret_suppressed
 * is how many were dropped since the last one that was let through. */
struct log_limit {
	uint64_t last_ns;
	uint32_t tokens_used;
	uint32_t suppressed;
};

bool log_allow(struct log_limit *, uint64_t now_ns, uint32_t *ret_suppressed);
