#include "daemon/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "daemon/starts.h"
#include "traffic/keeping.h"
#include "util/fd.h"
#include "util/log.h"

/* Its unit has to be restarted before anybody finds it again. */
static void warn_of_lost(const struct descriptor *d)
{
	char shown[DESCRIPTOR_SHOWN];

	if (d->address[0] == '/' && !d->file.st_ino) {
		log_warning("%s: nothing has that name, so that no client can find it",
			descriptor_show(d, shown, sizeof(shown)));
	}
}

int inherited_init(struct inherited *in)
{
	*in = (struct inherited){0};
	if (systemd_fds_init(&in->given) < 0) {
		log_error("out of memory");
		return -ENOMEM;
	}
	in->fds = calloc(in->given.n + 1, sizeof(*in->fds));
	in->n_state = systemd_fds_take(&in->given, SYSTEMD_STATE, in->state, ARRAY_SIZE(in->state));
	in->n_starts = systemd_fds_take(
		&in->given, STARTS_NAME, in->starts, ARRAY_SIZE(in->starts));
	if (systemd_fds_split(&in->given, KEEPER_NAME, &in->kept) < 0) {
		log_error("out of memory");
		return -ENOMEM;
	}
	in->endpoints = calloc(in->given.n + 1, sizeof(*in->endpoints));
	in->copies = calloc(in->given.n + 1, sizeof(*in->copies));
	if (!in->fds || !in->endpoints || !in->copies) {
		log_error("out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < in->given.n; i++) {
		descriptor_init(&in->fds[i], in->given.fds[i], in->given.names[i]);
		in->endpoints[i] = in->fds[i].endpoint;
		in->copies[i] = fcntl(in->given.fds[i], F_DUPFD_CLOEXEC, SYSTEMD_FIRST_FD);
		warn_of_lost(&in->fds[i]);
	}
	return 0;
}

void inherited_finish(struct inherited *in)
{
	for (size_t i = 0; in->copies && i < in->given.n; i++) {
		fd_close(in->copies[i]);
	}
	free(in->copies);
	systemd_fds_finish(&in->kept);
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
	const struct descriptor *d = &in->fds[i];
	const struct config_endpoint *e = config_find_endpoint(c, in->given.names[i]);

	if (!e && d->transport) {
		e = config_find_name(c, d->address);
	}
	/* once it serves, the descriptor's number may be somebody else's */
	return e || in->serving ? e : find_fifo(c, d->fd);
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
	struct descriptor *d = &in->fds[i];
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
	const struct descriptor *d = &in->fds[i];
	const char *colon = strchr(d->address, ':');
	char shown[DESCRIPTOR_SHOWN];

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
		descriptor_show(d, shown, sizeof(shown)));
}

static PRINTF(3, 4) int fail(struct rv_err *err, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return r;
}

/* What neither is served nor can be refused: -EINVAL if somebody may wait for it. */
static int give_up(const struct descriptor *d, struct rv_err *err)
{
	char shown[DESCRIPTOR_SHOWN];

	descriptor_show(d, shown, sizeof(shown));
	if (d->waited_for) {
		return fail(err, -EINVAL,
			"%s: no endpoint has this name or address, and its clients can't be "
			"refused; take the descriptor away, or name an endpoint like it",
			shown);
	}
	log_warning("%s: no endpoint has this name, closed", shown);
	return 0;
}

static int assign_one(
	struct inherited *in, const struct config *c, size_t i, FILE *f, struct rv_err *err)
{
	struct descriptor *d = &in->fds[i];
	const bool is_closed = in->serving && !*d->endpoint;
	const struct config_endpoint *e = is_closed ? NULL : find(in, c, i);
	char shown[DESCRIPTOR_SHOWN];

	if (is_closed) {
		return 0;
	}
	if (descriptor_is_lost(d)) {
		return fail(err, -ENOENT,
			"%s: the name is gone or another's; stop revd and restart its socket unit",
			descriptor_show(d, shown, sizeof(shown)));
	}
	if (e && in->serving && strcmp(e->name, d->endpoint) != 0) {
		return fail(err, -EBUSY,
			"%s: it is served as endpoint '%s' and would be '%s' now; such a change "
			"needs a restart",
			descriptor_show(d, shown, sizeof(shown)), d->endpoint, e->name);
	}
	if (e) {
		snprintf(d->endpoint, sizeof(d->endpoint), "%s", e->name);
		return 0;
	}
	if (!d->transport || !is_writable(d->address)) {
		return in->serving ? 0 : give_up(d, err);
	}
	name_refusal(in, c, i);
	put_section(in, i, f);
	return 0;
}

char *inherited_list(const struct inherited *in)
{
	char *list = NULL;
	size_t n;
	FILE *f = in->given.n ? open_memstream(&list, &n) : NULL;

	for (size_t i = 0; f && i < in->given.n; i++) {
		fprintf(f, " %s ", in->fds[i].endpoint);
	}
	return f && fclose(f) == 0 ? list : NULL;
}

int inherited_assign(struct inherited *in, const struct config *c, struct rv_err *err)
{
	size_t n;
	FILE *f;
	int r = 0;

	if (in->given.n == 0) {
		return 0;
	}
	snprintf(err->msg, sizeof(err->msg), "out of memory");
	free(TAKE_PTR(in->sections));
	f = open_memstream(&in->sections, &n);
	if (!f) {
		in->sections = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < in->given.n; i++) {
		r = assign_one(in, c, i, f, err);
	}
	if (fclose(f) != 0 && r == 0) {
		r = -ENOMEM;
	}
	if (r < 0 || !*in->sections) {
		free(TAKE_PTR(in->sections));
	}
	return r;
}
