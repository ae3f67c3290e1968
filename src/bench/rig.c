#include "bench/rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <revd/client.h>
#include "bench/link_shm.h"
#include "util/fd.h"

int rig_links(struct rig *s, const struct bench_load *load, enum bench_transport t,
	size_t message_max, struct rv_err *err)
{
	size_t n = load->clients;

	s->target.links = calloc(n, sizeof(*s->target.links));
	s->buf = malloc(link_buffer_size(message_max));
	if (!s->target.links || !s->buf) {
		return bench_fail(err, -ENOMEM, "out of memory");
	}
	s->target.n_links = n;
	for (size_t i = 0; i < n; i++) {
		struct link *l = &s->target.links[i];

		l->ops = t == BENCH_MQUEUE      ? &link_queue
			 : t == BENCH_SEQPACKET ? &link_packets
			 : t == BENCH_SHM       ? &link_shm
						: &link_bytes;
		l->bytes = l->ops == &link_bytes || t == BENCH_SHM;
		l->many = n > 1;
		l->rx = l->tx = -1;
		l->single = load->window == 1 && !(load->rate > 0);
		l->buf = s->buf;
		l->buf_each = message_max;
	}
	return 0;
}

void rig_share_tx(struct rig *s, size_t i)
{
	s->target.links[i].tx = s->target.links[0].tx;
	s->target.links[i].tx_shared = true;
}

const char *rig_why(enum bench_transport t, int r)
{
	if (r == -ENXIO && t == BENCH_FIFO) {
		return "no server is reading it";
	}
	if (r == -EMFILE && t == BENCH_MQUEUE) {
		return "the user's budget for message queues (RLIMIT_MSGQUEUE) is used up";
	}
	if (r == -ENOSPC && t == BENCH_MQUEUE) {
		return "all message queues that the system may have are in use";
	}
	return strerror(-r);
}

void rig_close(struct rig *s)
{
	if (s->server.ours) {
		unlink(s->target.address.un.sun_path); /* of its listener; "": it has none */
	}
	proc_stop(&s->server);
	for (size_t i = s->target.n_links; i > 0; i--) {
		link_finish(&s->target.links[i - 1]);
	}
	free(s->target.links);
	free(s->buf);
	revc_close(s->target.library);
	memset(s, 0, sizeof(*s));
}
