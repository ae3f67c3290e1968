#include "daemon/inherited.h"

#include <errno.h>
#include <mqueue.h>
#include <revd/quote.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "util/log.h"

static int option_of(int fd, int option)
{
	int v = -1;
	socklen_t n = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, option, &v, &n) < 0 ? -1 : v;
}

/* "/path", "@name", or "" for a socket that has no name. */
static void read_socket_name(int fd, char *buf, size_t size)
{
	struct sockaddr_un sa = {0};
	socklen_t n = sizeof(sa);
	size_t len;

	if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0 || sa.sun_family != AF_UNIX ||
		n <= offsetof(struct sockaddr_un, sun_path)) {
		return;
	}
	len = MIN((size_t)n, sizeof(sa)) - offsetof(struct sockaddr_un, sun_path);
	if (sa.sun_path[0] == '\0') {
		sa.sun_path[0] = '@';
	} else {
		len = strnlen(sa.sun_path, len);
	}
	if (!memchr(sa.sun_path, '\0', len)) {
		snprintf(buf, size, "%.*s", (int)len, sa.sun_path);
	}
}

static void describe_socket(struct inherited_fd *d)
{
	int type = option_of(d->fd, SO_TYPE);
	bool listens = option_of(d->fd, SO_ACCEPTCONN) == 1;

	d->waited_for = listens;
	if (option_of(d->fd, SO_DOMAIN) != AF_UNIX) {
		d->kind = listens ? "listening network socket" : "network socket";
		return;
	}
	d->kind = "Unix socket";
	read_socket_name(d->fd, d->address, sizeof(d->address));
	if (listens && *d->address && (type == SOCK_STREAM || type == SOCK_SEQPACKET)) {
		d->transport = "uds";
		d->type = type == SOCK_STREAM ? "stream" : "seqpacket";
	}
}

/* The name that the kernel knows a FIFO or a queue by; "" if it has none any more. */
static void read_link(int fd, const char *prefix, char *buf, size_t size)
{
	char proc[40], name[256];
	ssize_t n;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, name, sizeof(name));
	if (n > 0 && (size_t)n < sizeof(name) && name[0] == '/') {
		name[n] = '\0';
		if (!strstr(name, " (deleted)")) {
			snprintf(buf, size, "%s%s", prefix, name);
		}
	}
}

static void describe(struct inherited_fd *d)
{
	struct mq_attr attr;
	struct stat st;

	d->kind = "file";
	if (fstat(d->fd, &st) < 0) {
		return;
	}
	if (S_ISSOCK(st.st_mode)) {
		describe_socket(d);
	} else if (S_ISFIFO(st.st_mode)) {
		d->kind = "FIFO";
		read_link(d->fd, "", d->address, sizeof(d->address));
		d->transport = *d->address ? "fifo" : NULL;
	} else if (mq_getattr(d->fd, &attr) == 0) {
		d->kind = "message queue";
		read_link(d->fd, "mqueue:", d->address, sizeof(d->address));
		d->transport = *d->address ? "mqueue" : NULL;
		d->max_messages = attr.mq_maxmsg;
		d->message_size = attr.mq_msgsize;
	}
	d->waited_for |= d->transport != NULL;
}

int inherited_init(struct inherited *in)
{
	*in = (struct inherited){0};
	if (systemd_fds_init(&in->given) < 0) {
		log_error("out of memory");
		return -ENOMEM;
	}
	in->fds = calloc(in->given.n + 1, sizeof(*in->fds));
	in->endpoints = calloc(in->given.n + 1, sizeof(*in->endpoints));
	if (!in->fds || !in->endpoints) {
		log_error("out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < in->given.n; i++) {
		in->fds[i].fd = in->given.fds[i];
		in->endpoints[i] = in->fds[i].endpoint;
		describe(&in->fds[i]);
	}
	return 0;
}

void inherited_finish(struct inherited *in)
{
	systemd_fds_finish(&in->given);
	free(in->fds);
	free(in->endpoints);
	free(in->sections);
	*in = (struct inherited){0};
}

/* A FIFO by whatever name: it may be mounted, linked or called otherwise. */
static const struct config_endpoint *find_fifo(const struct config *c, int fd)
{
	struct stat mine, st;

	if (fstat(fd, &mine) < 0 || !S_ISFIFO(mine.st_mode)) {
		return NULL;
	}
	for (size_t i = 0; i < c->n_endpoints; i++) {
		const struct config_endpoint *e = &c->endpoints[i];

		for (size_t k = 0; k < e->n_names; k++) {
			if (e->names[k][0] == '/' && stat(e->names[k], &st) == 0 &&
				st.st_dev == mine.st_dev && st.st_ino == mine.st_ino) {
				return e;
			}
		}
	}
	return NULL;
}

static const struct config_endpoint *find(
	const struct inherited *in, const struct config *c, size_t i)
{
	const struct inherited_fd *d = &in->fds[i];
	const struct config_endpoint *e = config_find_endpoint(c, in->given.names[i]);

	if (!e && d->transport) {
		e = config_find_name(c, d->address);
	}
	/* once it serves, the descriptor's number may be somebody else's */
	return e || in->serving ? e : find_fifo(c, d->fd);
}

/* 'NAME' (KIND ADDRESS) */
static char *show(const struct inherited *in, size_t i, char *buf, size_t size)
{
	const struct inherited_fd *d = &in->fds[i];
	char name[80], address[160];

	snprintf(buf, size, "inherited descriptor %d, %s (%s %s)", d->fd,
		rv_quote(in->given.names[i], strlen(in->given.names[i]), name, sizeof(name)),
		d->kind,
		*d->address ? rv_quote(d->address, strlen(d->address), address, sizeof(address))
			    : "without a name");
	return buf;
}

/* Can a configuration say the address? */
static bool is_writable(const char *address)
{
	for (const char *p = address; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == ';' || *p == '#') {
			return false;
		}
	}
	return address[0] && address[strlen(address) - 1] != ' ';
}

static bool is_taken(const struct inherited *in, const struct config *c, size_t i, const char *name)
{
	if (config_find_endpoint(c, name)) {
		return true;
	}
	for (size_t k = 0; k < i; k++) {
		if (strcmp(in->fds[k].endpoint, name) == 0) {
			return true;
		}
	}
	return false;
}

static void name_refusal(struct inherited *in, const struct config *c, size_t i)
{
	struct inherited_fd *d = &in->fds[i];
	const char *given = in->given.names[i];

	if (in->serving) {
		return; /* it has a name already */
	}
	if (config_is_name(given) && !is_taken(in, c, i, given)) {
		snprintf(d->endpoint, sizeof(d->endpoint), "%s", given);
	} else {
		snprintf(d->endpoint, sizeof(d->endpoint), "inherited-%d", d->fd);
	}
}

static void put_section(struct inherited *in, size_t i, FILE *f)
{
	const struct inherited_fd *d = &in->fds[i];
	const char *colon = strchr(d->address, ':');
	char shown[400];

	fprintf(f, "[endpoint.%s]\ntransport = %s\n", d->endpoint, d->transport);
	if (strcmp(d->transport, "mqueue") == 0) {
		fprintf(f, "queue = %s\nmax_messages = %ld\nmessage_size = %ldB\n", colon + 1,
			d->max_messages, d->message_size);
	} else {
		fprintf(f, "path = %s\n", d->address);
	}
	if (d->type) {
		fprintf(f, "type = %s\n", d->type);
	}
	fputs("service = refuse\n", f);
	log_warning("%s: no endpoint has this name or address, so requests are refused; give an "
		    "endpoint the address, or take the descriptor away (systemctl disable --now "
		    "its socket unit)",
		show(in, i, shown, sizeof(shown)));
}

/* What neither is served nor can be refused: -EINVAL if somebody may wait for it. */
static int give_up(const struct inherited *in, size_t i)
{
	const struct inherited_fd *d = &in->fds[i];
	char shown[400];

	show(in, i, shown, sizeof(shown));
	if (d->waited_for) {
		log_error("%s: no endpoint has this name or address, and its clients can't be "
			  "refused; take the descriptor away, or name an endpoint like it",
			shown);
		return -EINVAL;
	}
	log_warning("%s: no endpoint has this name, closed", shown);
	return 0;
}

static int assign_one(struct inherited *in, const struct config *c, size_t i, FILE *f)
{
	struct inherited_fd *d = &in->fds[i];
	const bool is_closed = in->serving && !*d->endpoint;
	const struct config_endpoint *e = is_closed ? NULL : find(in, c, i);
	char shown[400];

	if (is_closed) {
		return 0;
	}
	if (e && in->serving && strcmp(e->name, d->endpoint) != 0) {
		log_error("%s: it is served as endpoint '%s' and would be '%s' now; such a change "
			  "needs a restart",
			show(in, i, shown, sizeof(shown)), d->endpoint, e->name);
		return -EBUSY;
	}
	if (e) {
		snprintf(d->endpoint, sizeof(d->endpoint), "%s", e->name);
		return 0;
	}
	if (!d->transport || !is_writable(d->address)) {
		return in->serving ? 0 : give_up(in, i);
	}
	name_refusal(in, c, i);
	put_section(in, i, f);
	return 0;
}

int inherited_assign(struct inherited *in, const struct config *c)
{
	size_t n;
	FILE *f;
	int r = 0;

	free(TAKE_PTR(in->sections));
	f = open_memstream(&in->sections, &n);
	if (!f) {
		in->sections = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < in->given.n; i++) {
		r = assign_one(in, c, i, f);
	}
	if (fclose(f) != 0 && r == 0) {
		r = -ENOMEM;
	}
	if (r < 0 || !*in->sections) {
		free(TAKE_PTR(in->sections));
	}
	return r;
}
