#include "load/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "util/fd.h"
#include "util/macro.h"

const struct wire_kind *wire_find(const char *name, size_t n)
{
	static const struct wire_kind *const kinds[] = {&wire_stream, &wire_seqpacket, &wire_shm,
		&wire_fifo, &wire_mqueue, &wire_pty, &wire_revc};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i]->name) == n && memcmp(kinds[i]->name, name, n) == 0) {
			return kinds[i];
		}
	}
	return NULL;
}

int wire_open(struct wire *w)
{
	int r;

	w->in = w->out = -1;
	w->shm_ended = false;
	r = w->kind->open(w);
	if (r < 0) {
		wire_close(w);
	}
	return r;
}

void wire_close(struct wire *w)
{
	if (w->kind->close) {
		w->kind->close(w);
	}
	if (w->out != w->in) {
		fd_close(w->out);
	}
	fd_close(w->in);
	w->in = w->out = -1;
}

bool wire_may_sleep(struct wire *w, bool wants_room)
{
	if (w->kind != &wire_shm) {
		return true;
	}
	rv_ring_want(&w->shm.replies.shared->reader_waits, RV_RING_BY_FD);
	if (wants_room) {
		rv_ring_want(&w->shm.requests.shared->writer_waits, RV_RING_BY_FD);
	}
	return rv_ring_filled(&w->shm.replies) == 0 &&
	       !(wants_room && rv_ring_may_go_on(&w->shm.requests));
}

void wire_make_token(struct wire *w)
{
	uint64_t r[2] = {0};

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r)) {
		r[0] = (uint64_t)getpid();
	}
	snprintf(w->token, sizeof(w->token), "load-%016llx%016llx", (unsigned long long)r[0],
		(unsigned long long)r[1]);
}

ssize_t wire_write(struct wire *w, const void *p, size_t n)
{
	ssize_t k = write(w->out, p, n);

	return k < 0 ? (errno == EINTR ? -EAGAIN : -errno) : k;
}

ssize_t wire_read(struct wire *w, void *p, size_t n)
{
	ssize_t k = read(w->in, p, n);

	return k < 0 ? (errno == EINTR ? -EAGAIN : -errno) : k;
}
