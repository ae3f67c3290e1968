#include "daemon/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <revd/quote.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "util/macro.h"

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

static void describe_socket(struct descriptor *d)
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

/* What has the name now; st_ino 0: nothing, or it is none of a file. */
static struct stat look_up(const struct descriptor *d)
{
	struct stat st = {0};
	mqd_t q;

	if (d->address[0] == '/') {
		return lstat(d->address, &st) < 0 ? (struct stat){0} : st;
	}
	if (d->transport && strcmp(d->transport, "mqueue") == 0) {
		q = mq_open(strchr(d->address, '/'), O_WRONLY | O_NONBLOCK);
		if (q >= 0 && fstat(q, &st) < 0) {
			st = (struct stat){0};
		}
		if (q >= 0) {
			mq_close(q);
		}
	}
	return st;
}

void descriptor_init(struct descriptor *d, int fd, const char *name)
{
	struct mq_attr attr;
	struct stat st;

	*d = (struct descriptor){.fd = fd, .name = name, .kind = "file"};
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
	d->file = look_up(d);
}

bool descriptor_is_lost(const struct descriptor *d)
{
	struct stat now = look_up(d);

	return d->file.st_ino && (now.st_ino != d->file.st_ino || now.st_dev != d->file.st_dev);
}

char *descriptor_show(const struct descriptor *d, char *buf, size_t size)
{
	char name[80], address[160];

	snprintf(buf, size, "inherited descriptor %d, %s (%s %s)", d->fd,
		rv_quote(d->name, strlen(d->name), name, sizeof(name)), d->kind,
		*d->address ? rv_quote(d->address, strlen(d->address), address, sizeof(address))
			    : "without a name");
	return buf;
}
