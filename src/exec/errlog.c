#include "exec/errlog.h"

#include <errno.h>
#include <event2/event.h>
#include <revd/quote.h>
#include <string.h>
#include <unistd.h>
#include "util/clock.h"

static void end_line(struct errlog *e)
{
	char quoted[2 * RV_QUOTE_SIZE];
	uint32_t suppressed = 0;

	if (e->n == 0) {
		return;
	}
	memcpy(e->last, e->line, e->n);
	e->last_n = e->n;
	e->n = 0;
	if (!log_allow(&e->limit, clock_now(), &suppressed)) {
		return;
	}
	rv_quote(e->last, e->last_n, quoted, sizeof(quoted));
	if (suppressed > 0) {
		e->host->log(e->handle, LOG_NOTICE, "process %d: %s (%u lines before it are left out)",
			(int)e->pid, quoted, suppressed);
	} else {
		e->host->log(e->handle, LOG_NOTICE, "process %d: %s", (int)e->pid, quoted);
	}
}

static void take(struct errlog *e, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n') {
			end_line(e);
		} else if (e->n < sizeof(e->line)) {
			e->line[e->n++] = data[i];
		}
	}
}

/* One read; false if there was nothing. */
static bool read_some(struct errlog *e)
{
	char buf[4096];
	ssize_t k = read(e->fd, buf, sizeof(buf));

	if (k > 0) {
		take(e, buf, (size_t)k);
	} else if (k == 0 || (errno != EAGAIN && errno != EINTR)) {
		event_del(e->event);
	}
	return k > 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)read_some(arg);
}

int errlog_init(struct errlog *e, const struct rv_service_host *host,
	struct rv_service_worker *handle, int fd, pid_t pid)
{
	*e = (struct errlog){.host = host, .handle = handle, .fd = fd, .pid = pid};
	e->event = event_new(host->event_base(handle), fd, EV_READ | EV_PERSIST, on_readable, e);
	return e->event && event_add(e->event, NULL) == 0 ? 0 : -ENOMEM;
}

void errlog_finish(struct errlog *e)
{
	for (int i = 0; e->event && i < 16 && read_some(e); i++) {
	}
	end_line(e);
	if (e->event) {
		event_free(e->event);
		e->event = NULL;
	}
}
