#include "util/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"
#include "util/pass.h"

#define MAGIC 0x3176657276657270u
#define MAX_BYTES ((size_t)1 << 32)
#define MAX_FDS ((size_t)1 << 20)
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct head {
	uint64_t magic, version, bytes, fds, sum;
};

/* FNV-1a: against accidents; nobody else can write into what is sealed. */
static uint64_t checksum(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ p[i]) * 0x100000001b3u;
	}
	return h;
}

/* Packing. */

size_t parcel_add_fd(struct parcel *p, int fd)
{
	if (p->n_fds == p->fds_size) {
		size_t size = p->fds_size ? 2 * p->fds_size : 64;
		int *fds = reallocarray(p->fds, size, sizeof(*fds));

		if (!fds) {
			p->data.failed = true;
			return 0;
		}
		p->fds = fds;
		p->fds_size = size;
	}
	p->fds[p->n_fds] = fd;
	return p->n_fds++;
}

static int write_bytes(const struct parcel *p, int fd)
{
	const struct head h = {.magic = MAGIC,
		.version = PARCEL_VERSION,
		.bytes = p->data.len,
		.fds = p->n_fds,
		.sum = checksum(p->data.data, p->data.len)};
	int r = fd_write_all(fd, &h, sizeof(h));

	r = r < 0 ? r : fd_write_all(fd, p->data.data, p->data.len);
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		r = -errno;
	}
	return r;
}

/* Those at the end are lost if there is no room. */
static size_t send_all(const struct parcel *p, int sock)
{
	size_t done = 0;

	while (done < p->n_fds) {
		size_t n = MIN(p->n_fds - done, (size_t)PASS_FDS);

		if (pass_send(sock, "", 1, p->fds + done, n) < 0) {
			break;
		}
		done += n;
	}
	return p->n_fds - done;
}

int parcel_seal(struct parcel *p, int ret[PARCEL_ENDS], size_t *ret_lost)
{
	CLEANUP_FD int fd = memfd_create("revd-parcel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const int size = 4 << 20;
	int pair[2], r;

	if (fd < 0) {
		return -errno;
	}
	r = p->data.failed ? -ENOMEM : write_bytes(p, fd);
	if (r < 0) {
		return r;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		return -errno;
	}
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ret_lost = send_all(p, pair[1]);
	close(pair[1]);
	ret[PARCEL_BYTES] = TAKE_FD(fd);
	ret[PARCEL_FDS] = pair[0];
	return 0;
}

void parcel_finish(struct parcel *p)
{
	free(p->data.data);
	free(p->fds);
	*p = (struct parcel){0};
}

/* Unpacking. */

static PRINTF(3, 4) int fail(char why[PARCEL_WHY], int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, PARCEL_WHY, fmt, ap);
	va_end(ap);
	return r;
}

static int check_file(int fd, struct stat *st, char why[PARCEL_WHY])
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS) {
		return fail(why, -EBADMSG, "it is not a sealed memfd");
	}
	if (fstat(fd, st) < 0) {
		return fail(why, -errno, "%s", strerror(errno));
	}
	if (st->st_uid != geteuid()) {
		return fail(why, -EPERM, "it was made by uid %u, which is not this daemon's",
			(unsigned)st->st_uid);
	}
	if ((size_t)st->st_size < sizeof(struct head) || (size_t)st->st_size > MAX_BYTES) {
		return fail(why, -EBADMSG, "it is truncated, %lld bytes", (long long)st->st_size);
	}
	return 0;
}

static int check_head(const struct head *h, size_t size, char why[PARCEL_WHY])
{
	if (h->magic != MAGIC) {
		return fail(why, -EBADMSG, "it is none of a revd's");
	}
	if (h->version != PARCEL_VERSION) {
		return fail(why, -EBADMSG, "it is of version %llu, this revd reads version %u",
			(unsigned long long)h->version, PARCEL_VERSION);
	}
	if (h->bytes != size - sizeof(*h) || h->fds > MAX_FDS) {
		return fail(why, -EBADMSG, "it is truncated, or its sizes make no sense");
	}
	if (checksum((const uint8_t *)(h + 1), (size_t)h->bytes) != h->sum) {
		return fail(why, -EBADMSG, "it is damaged: its checksum is wrong");
	}
	return 0;
}

static int map_bytes(struct parcel_in *in, int fd, char why[PARCEL_WHY])
{
	struct stat st;
	int r = check_file(fd, &st, why);

	if (r < 0) {
		return r;
	}
	in->map_size = (size_t)st.st_size;
	in->map = mmap(NULL, in->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (in->map == MAP_FAILED) {
		in->map = NULL;
		return fail(why, -errno, "%s", strerror(errno));
	}
	r = check_head(in->map, in->map_size, why);
	if (r == 0) {
		const struct head *h = in->map;

		in->data = (struct rv_unpack){(const uint8_t *)(h + 1), (size_t)h->bytes, false};
		in->n_fds = (size_t)h->fds;
	}
	return r;
}

/* What one message brings is put behind the *n that are there, or closed. False: that was
 * the last; where some were cut off, those of later messages are not those of their numbers. */
static bool receive_fds(struct parcel_in *in, int sock, size_t *n)
{
	struct passed_fds passed;
	char byte;
	ssize_t k = pass_receive(sock, &byte, 1, &passed);

	for (size_t i = 0; k > 0 && i < passed.n; i++) {
		if (*n < in->n_fds) {
			in->fds[(*n)++] = passed.fds[i];
		} else {
			close(passed.fds[i]);
		}
	}
	return k > 0;
}

static int receive_all(struct parcel_in *in, int sock, char why[PARCEL_WHY])
{
	size_t n = 0;

	in->fds = calloc(in->n_fds + 1, sizeof(*in->fds));
	if (!in->fds) {
		return fail(why, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < in->n_fds; i++) {
		in->fds[i] = -1;
	}
	while (sock >= 0 && receive_fds(in, sock, &n)) {
	}
	in->missing = in->n_fds - n;
	return 0;
}

/* Which of them is the socket; -1: none. */
static int find(const int *ends, size_t n, bool socket)
{
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		if (fstat(ends[i], &st) == 0 && S_ISSOCK(st.st_mode) == socket) {
			return ends[i];
		}
	}
	return -1;
}

int parcel_open(struct parcel_in *in, const int *ends, size_t n, char why[PARCEL_WHY])
{
	int bytes = find(ends, n, false), r;

	*in = (struct parcel_in){0};
	r = bytes < 0 ? fail(why, -EBADF, "it has no memfd") : map_bytes(in, bytes, why);
	if (r == 0) {
		r = receive_all(in, find(ends, n, true), why);
	}
	for (size_t i = 0; i < n; i++) {
		close(ends[i]);
	}
	if (r < 0) {
		parcel_in_finish(in);
	}
	return r;
}

int parcel_take_fd(struct parcel_in *in, size_t number)
{
	int fd = number < in->n_fds ? in->fds[number] : -1;

	if (fd >= 0) {
		in->fds[number] = -1;
	}
	return fd;
}

void parcel_in_finish(struct parcel_in *in)
{
	for (size_t i = 0; in->fds && i < in->n_fds; i++) {
		fd_close(in->fds[i]);
	}
	free(in->fds);
	if (in->map) {
		munmap(in->map, in->map_size);
	}
	*in = (struct parcel_in){0};
}
