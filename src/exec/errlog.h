/* The standard error of a program: its lines go to the log, quoted and not too many. */
#pragma once

#include <revd/service.h>
#include <stdbool.h>
#include "util/bytes.h"
#include "util/log.h"

#define ERRLOG_LINE 256 /* bytes of a line that are shown */

struct event;

struct errlog {
	const struct rv_service_host *host;
	struct rv_service_worker *handle;
	struct event *event;
	int fd;
	pid_t pid;
	char line[ERRLOG_LINE]; /* the one that is read now, n bytes */
	size_t n;
	char last[ERRLOG_LINE]; /* the last whole line that is not empty, last_n bytes */
	size_t last_n;
	struct log_limit limit;
};

/* fd stays the caller's, and is open until errlog_finish(). 0 or -ENOMEM. */
int errlog_init(struct errlog *, const struct rv_service_host *, struct rv_service_worker *, int fd,
	pid_t) MUST_CHECK;

/* What is left is read, as far as it is there. */
void errlog_finish(struct errlog *);
