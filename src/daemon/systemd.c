#include "daemon/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <revd/quote.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "util/fd.h"
#include "util/log.h"
#include "util/num.h"
#include "util/utf8.h"

#define MAX_FDS 1024
#define BARRIER_MS 5000
#define STORE_FDS 16 /* at once */

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(STORE_FDS * sizeof(int))];
};

static void attach_fds(struct msghdr *msg, union control *control, const int *fds, size_t n)
{
	struct cmsghdr *c;

	if (n == 0) {
		return;
	}
	msg->msg_control = control->buf;
	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
}

static int send_to(const char *name, const char *text, const int *fds, size_t n_fds)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr msg = {.msg_name = &sa, .msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	size_t n = strlen(name);

	if (fd < 0) {
		return -errno;
	}
	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(sa.sun_path) ||
		n_fds > STORE_FDS) {
		return -EINVAL;
	}
	memcpy(sa.sun_path, name, n);
	if (name[0] == '@') {
		sa.sun_path[0] = '\0';
	}
	msg.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	attach_fds(&msg, &control, fds, n_fds);
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static const char *manager(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	return name && *name ? name : NULL;
}

bool systemd_is_there(void)
{
	return manager() != NULL;
}

/* The manager drops what is not UTF-8, such as a character that was cut. */
static void keep_utf8(char *text)
{
	size_t len, n = strlen(text);
	uint32_t c;

	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = utf8_sequence(text + i, n - i, &c);
		if (!len) {
			text[i] = '?';
		}
	}
}

void systemd_notify(const char *fmt, ...)
{
	const char *name = manager();
	char text[512];
	va_list ap;
	int r;

	if (!name) {
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keep_utf8(text);
	r = send_to(name, text, NULL, 0);
	if (r == -EAGAIN) {
		log_warning("the service manager does not read NOTIFY_SOCKET");
	} else if (r < 0) {
		char quoted[128];

		log_warning("NOTIFY_SOCKET %s: %s; not trying again",
			rv_quote(name, strlen(name), quoted, sizeof(quoted)), strerror(-r));
		unsetenv("NOTIFY_SOCKET");
	}
}

/* FDPOLL=0: what is kept is not closed because its other side is. */
int systemd_store(const char *name, const int *fds, size_t n)
{
	char text[128];

	if (!manager()) {
		return -ENOTCONN;
	}
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	return send_to(manager(), text, fds, n);
}

void systemd_forget(const char *name)
{
	char text[128];

	/* Of any thread: nothing is changed, in contrast to systemd_notify(). */
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	if (manager()) {
		(void)send_to(manager(), text, NULL, 0);
	}
}

size_t systemd_store_size(void)
{
	const char *s = getenv("FDSTORE"); /* since systemd 254 */
	uint64_t n;

	return s && num_parse_uint(s, &n) == 0 ? (size_t)n : SIZE_MAX;
}

void systemd_barrier(void)
{
	struct pollfd p = {0};
	int pair[2];

	if (!manager() || pipe2(pair, O_CLOEXEC) < 0) {
		return;
	}
	if (send_to(manager(), "BARRIER=1", &pair[1], 1) == 0) {
		p.fd = pair[0];
		close(pair[1]);
		pair[1] = -1;
		if (poll(&p, 1, BARRIER_MS) <= 0) {
			log_warning("the service manager does not answer");
		}
	}
	fd_close(pair[0]);
	fd_close(pair[1]);
}

static bool is_for_us(const char *var)
{
	const char *s = getenv(var);
	uint64_t pid;

	return s && num_parse_uint(s, &pid) == 0 && pid == (uint64_t)getpid();
}

/* LISTEN_FDS as a number, 0 where it is nonsense. */
static size_t count_fds(void)
{
	const char *s = getenv("LISTEN_FDS");
	uint64_t n;

	if (!s) {
		return 0;
	}
	if (num_parse_uint(s, &n) < 0 || n > MAX_FDS) {
		char quoted[64];

		log_warning("LISTEN_FDS=%s ignored: not a number of descriptors",
			rv_quote(s, strlen(s), quoted, sizeof(quoted)));
		return 0;
	}
	return (size_t)n;
}

/* Too few or too many names: which is whose can't be told then but by their order. */
static void name_fds(struct systemd_fds *s)
{
	char *rest = *s->text ? s->text : NULL, *none = s->text + strlen(s->text);
	size_t missing = 0;
	bool named = rest != NULL;

	for (size_t i = 0; i < s->n; i++) {
		missing += !rest;
		s->names[i] = rest ? strsep(&rest, ":") : none;
	}
	if (named && missing) {
		log_warning("LISTEN_FDNAMES has no names for the last %zu of %zu descriptors: they "
			    "go by their addresses",
			missing, s->n);
	} else if (rest && s->n > 0) {
		log_warning("LISTEN_FDNAMES has more names than there are descriptors (%zu): the "
			    "last ones are ignored",
			s->n);
	}
}

/* Those that are open; what is not is counted and left out. */
static void keep_open_ones(struct systemd_fds *s)
{
	size_t k = 0, missing = 0;

	for (size_t i = 0; i < s->n; i++) {
		int fd = SYSTEMD_FIRST_FD + (int)i;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
			missing++;
			continue;
		}
		s->fds[k] = fd;
		s->names[k++] = s->names[i];
	}
	if (missing) {
		log_warning("LISTEN_FDS=%zu, but %zu of them are not open", s->n, missing);
	}
	s->n = k;
}

int systemd_fds_init(struct systemd_fds *s)
{
	const char *names = getenv("LISTEN_FDNAMES");

	memset(s, 0, sizeof(*s));
	s->n = is_for_us("LISTEN_PID") ? count_fds() : 0;
	s->fds = calloc(s->n + 1, sizeof(*s->fds));
	s->names = calloc(s->n + 1, sizeof(*s->names));
	s->text = strdup(names ? names : "");
	if (!s->fds || !s->names || !s->text) {
		systemd_fds_finish(s);
		return -ENOMEM;
	}
	name_fds(s);
	keep_open_ones(s);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

void systemd_fds_finish(struct systemd_fds *s)
{
	free(s->fds);
	free(s->names);
	free(s->text);
	memset(s, 0, sizeof(*s));
}

size_t systemd_fds_take(struct systemd_fds *s, const char *name, int *ret, size_t max)
{
	size_t n = 0, left = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (n < max && strcmp(s->names[i], name) == 0) {
			ret[n++] = s->fds[i];
		} else {
			s->names[left] = s->names[i];
			s->fds[left++] = s->fds[i];
		}
	}
	s->n = left;
	return n;
}

int systemd_fds_split(struct systemd_fds *s, const char *prefix, struct systemd_fds *ret)
{
	size_t left = 0, len = strlen(prefix);

	*ret = (struct systemd_fds){.fds = calloc(s->n + 1, sizeof(*ret->fds)),
		.names = calloc(s->n + 1, sizeof(*ret->names))};
	if (!ret->fds || !ret->names) {
		systemd_fds_finish(ret);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct systemd_fds *to = strncmp(s->names[i], prefix, len) == 0 ? ret : s;
		size_t k = to == s ? left++ : ret->n++;

		to->names[k] = s->names[i];
		to->fds[k] = s->fds[i];
	}
	s->n = left;
	return 0;
}

uint64_t systemd_watchdog_interval(void)
{
	const char *s = getenv("WATCHDOG_USEC");
	uint64_t usec;

	if (!s || (getenv("WATCHDOG_PID") && !is_for_us("WATCHDOG_PID")) ||
		num_parse_uint(s, &usec) < 0) {
		return 0;
	}
	return usec;
}
