#include "util/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE 1024
#define LIMIT_BURST 10
#define LIMIT_NS 1000000000u

enum style { STYLE_PLAIN, STYLE_COLOUR, STYLE_JOURNAL };

static atomic_int level = LOG_INFO;
static enum style style = STYLE_PLAIN;
static bool shows_time;
static const char *program = "revd";

static const char *const names[] = {
	[LOG_ERR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_NOTICE] = "notice",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

static const char *const colours[] = {
	[LOG_ERR] = "\033[1;31m",
	[LOG_WARNING] = "\033[1;33m",
	[LOG_NOTICE] = "\033[1m",
	[LOG_INFO] = "",
	[LOG_DEBUG] = "\033[2m",
};

/* $JOURNAL_STREAM is "device:inode" of the journal's socket, systemd.exec(5). */
static bool is_journal(void)
{
	const char *e = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return e && sscanf(e, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

void log_init(const char *prog)
{
	const char *no_color = getenv("NO_COLOR");

	program = prog;
	if (is_journal()) {
		style = STYLE_JOURNAL;
	} else if (isatty(STDERR_FILENO) && !(no_color && *no_color)) {
		style = STYLE_COLOUR;
	}
}

void log_set_level(int l)
{
	atomic_store(&level, l);
}

int log_level(void)
{
	return atomic_load(&level);
}

void log_show_time(void)
{
	shows_time = style != STYLE_JOURNAL;
}

/* "2026-01-31T13:45:07.123Z " */
static char *format_time(char *buf, size_t size)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	if (clock_gettime(CLOCK_REALTIME, &ts) < 0 || !gmtime_r(&ts.tv_sec, &tm)) {
		buf[0] = '\0';
		return buf;
	}
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%03ldZ ", ts.tv_nsec / 1000000);
	return buf;
}

static size_t put_head(char *buf, size_t size, int prio)
{
	const bool coloured = style == STYLE_COLOUR;
	char time[40] = "";
	int n;

	if (style == STYLE_JOURNAL) {
		n = snprintf(buf, size, "<%d>", prio);
	} else {
		n = snprintf(buf, size,
			"%s%s%s: %s: ", shows_time ? format_time(time, sizeof(time)) : "",
			coloured ? colours[prio] : "", program, names[prio]);
	}
	return n > 0 ? MIN((size_t)n, size - 1) : 0;
}

void log_vmsg(int prio, const char *prefix, const char *fmt, va_list ap)
{
	char buf[LOG_LINE];
	size_t n, size = sizeof(buf) - 8;
	int k, saved = errno;
	ssize_t written;

	prio = MAX(LOG_ERR, MIN(prio, LOG_DEBUG));
	if (prio > log_level()) {
		return;
	}
	n = put_head(buf, size, prio);
	if (prefix && *prefix) {
		k = snprintf(buf + n, size - n, "%s: ", prefix);
		n = MIN(n + (size_t)MAX(k, 0), size - 1);
	}
	k = vsnprintf(buf + n, size - n, fmt, ap);
	n = MIN(n + (size_t)MAX(k, 0), size - 1);
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n') {
			buf[i] = ' '; /* one entry, one line, whatever it holds */
		}
	}
	if (style == STYLE_COLOUR) {
		memcpy(buf + n, "\033[m", 3);
		n += 3;
	}
	buf[n++] = '\n';
	written = write(STDERR_FILENO, buf, n);
	(void)written; /* there is nowhere left to say so */
	errno = saved;
}

void log_msg(int prio, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vmsg(prio, NULL, fmt, ap);
	va_end(ap);
}

bool log_allow(struct log_limit *l, uint64_t now_ns, uint32_t *ret_suppressed)
{
	uint64_t back = (now_ns - l->last_ns) / LIMIT_NS;

	if (back > 0) {
		l->tokens_used = back >= l->tokens_used ? 0 : l->tokens_used - (uint32_t)back;
		l->last_ns = now_ns;
	}
	if (l->tokens_used >= LIMIT_BURST) {
		l->suppressed++;
		return false;
	}
	l->tokens_used++;
	*ret_suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}
