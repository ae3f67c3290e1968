/* A session begins: which transport the URI means. */
#include <errno.h>
#include <stdlib.h>
#include "librevc/transports.h"
#include "util/clock.h"

static const struct transport *const transports[] = {
	[URI_UDS] = &transport_uds,
	[URI_SHM] = &transport_shm,
	[URI_FIFO] = &transport_fifo,
	[URI_MQUEUE] = &transport_mqueue,
	[URI_PTY] = &transport_pty,
	[URI_NATS] = &transport_nats,
	[URI_NATS_TLS] = &transport_nats,
};

static int connect_to(struct revc *s, const char *uri)
{
	uint64_t timeout = s->options.timeout_us ? s->options.timeout_us : REVC_TIMEOUT_US;
	int r = uri_parse(uri, &s->uri, &s->err);

	if (r < 0) {
		return r;
	}
	s->ops = transports[s->uri.scheme];
	r = session_random(&s->next_id, sizeof(s->next_id));
	if (r < 0) {
		return session_fail(s, FAILURE_CONNECT, -r);
	}
	return s->ops->open(s, clock_now() + timeout * 1000);
}

int revc_open(const char *uri, const struct revc_options *options, struct revc **ret,
	struct revc_err *err)
{
	struct revc *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		error_set(err, ENOMEM, EXIT_TRY_LATER, "out of memory");
		return -ENOMEM;
	}
	s->in_fd = s->out_fd = -1;
	if (options) {
		s->options = *options;
	}
	r = connect_to(s, uri);
	if (r < 0) {
		*err = s->err;
		revc_close(s);
		return r;
	}
	*ret = s;
	return 0;
}
