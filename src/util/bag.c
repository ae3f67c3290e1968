#include "util/bag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"

#define MAGIC 0x3167616264766572u
#define SIZE sizeof(struct bag_marks)
#define SOCKET_SIZE (1 << 20)
/* Nobody can make reading what is mapped a SIGBUS. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static void *map(int fd, void *at)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *p = mmap(at, SIZE, PROT_READ | PROT_WRITE, at ? flags | MAP_FIXED : flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct bag_marks *bag_reserve_marks(void)
{
	return map(-1, NULL);
}

void bag_release_marks(struct bag_marks *marks)
{
	if (marks) {
		munmap(marks, SIZE);
	}
}

static int make_marks(struct bag *b, uint64_t generation, int *ret)
{
	CLEANUP_FD int fd = memfd_create("revd-connections", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)SIZE) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		return -errno;
	}
	b->marks = map(fd, NULL);
	if (!b->marks) {
		return -errno;
	}
	b->marks->magic = MAGIC;
	b->marks->generation = generation;
	*ret = TAKE_FD(fd);
	return 0;
}

int bag_create(struct bag *b, uint64_t generation, int ends[BAG_ENDS])
{
	const int size = SOCKET_SIZE;
	int pair[2], r;

	r = make_marks(b, generation, &ends[BAG_MARKS]);
	if (r < 0) {
		return r;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		r = -errno;
		fd_close(ends[BAG_MARKS]);
		bag_release_marks(TAKE_PTR(b->marks));
		return r;
	}
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ends[BAG_SOCKET] = pair[0];
	b->sock = pair[1];
	return 0;
}

/* The mapping moves, so that at no time there are no marks at `at`. */
int bag_move_marks(struct bag *b, struct bag_marks *at)
{
	if (mremap(b->marks, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED) {
		return -errno;
	}
	b->marks = at;
	return 0;
}

int bag_put(const struct bag *b, const void *data, size_t n, const int *fds, size_t n_fds)
{
	return pass_send(b->sock, data, n, fds, n_fds);
}

void bag_finish(struct bag *b)
{
	if (b->marks) {
		close(b->sock);
	}
	*b = (struct bag){0};
}

/* The other side. */

static bool is_marks(int fd)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 &&
	       st.st_uid == geteuid() && (size_t)st.st_size == SIZE;
}

static int read_marks(struct bag_in *in, int fd)
{
	struct bag_marks *copy = malloc(SIZE);

	if (!copy) {
		return -ENOMEM;
	}
	if (!is_marks(fd) || pread(fd, copy, SIZE, 0) != (ssize_t)SIZE || copy->magic != MAGIC) {
		free(copy);
		return -EBADMSG;
	}
	in->marks = copy;
	return 0;
}

int bag_open(struct bag_in *in, const int ends[BAG_ENDS])
{
	bool first = is_marks(ends[0]);
	int r;

	*in = (struct bag_in){.sock = first ? ends[1] : ends[0]};
	r = read_marks(in, first ? ends[0] : ends[1]);
	close(first ? ends[0] : ends[1]);
	if (r < 0) {
		close(in->sock);
		in->sock = -1;
	}
	return r;
}

size_t bag_next(const struct bag_in *in, void *buf, struct passed_fds *ret)
{
	for (;;) {
		ssize_t n = pass_receive(in->sock, buf, BAG_MESSAGE, ret);

		if (n == -EBADMSG || n > (ssize_t)BAG_MESSAGE) {
			while (n > 0 && ret->n > 0) {
				close(ret->fds[--ret->n]);
			}
			continue; /* what did not come whole is lost, and what follows is not */
		}
		return n > 0 ? (size_t)n : 0;
	}
}

void bag_in_finish(struct bag_in *in)
{
	if (in->marks) {
		close(in->sock);
		free((void *)(uintptr_t)in->marks);
	}
	*in = (struct bag_in){.sock = -1};
}
