#include "librevc/shm_map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/macro.h"

static int wait_readable(int fd, uint64_t deadline)
{
	uint64_t now = clock_now(), ms = now < deadline ? (deadline - now) / 1000000 + 1 : 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r;

	do {
		r = poll(&p, 1, (int)MIN(ms, (uint64_t)INT_MAX));
	} while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : r == 0 ? -ETIMEDOUT : -errno;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		close(fds[i]);
	}
}

/* The descriptors that came with the greeting, how many they are, or -errno. */
static ssize_t receive_fds(int sock, int fds[RV_SHM_FDS])
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(RV_SHM_FDS * sizeof(int))];
	} control;
	char line[sizeof(RV_SHM_GREETING)];
	struct iovec iov = {line, sizeof(line)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	ssize_t k = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *c = k > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	size_t n;

	if (k <= 0) {
		return k < 0 ? -errno : -ECONNRESET;
	}
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
		return 0;
	}
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return (ssize_t)n;
}

/* The size of its rings, if it is what it should be. -EPROTO, -errno. */
static int64_t check_memory(int fd, const struct rv_shm *head)
{
	uint32_t size = rv_ring_load(&head->size);
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	if (head->magic != RV_SHM_MAGIC || head->version != RV_SHM_VERSION ||
		size < RV_SHM_SIZE_MIN || size > RV_SHM_SIZE_MAX || size & (size - 1) ||
		st.st_size != (off_t)rv_shm_bytes(size)) {
		return -EPROTO;
	}
	return size;
}

static int64_t read_size(int fd)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_SEAL;
	int sealed = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;
	int64_t r;

	/* first of all: to look at what is cut off meanwhile is SIGBUS */
	if (sealed < 0 || (sealed & seals) != seals || fstat(fd, &st) < 0 ||
		st.st_size < (off_t)RV_SHM_DATA) {
		return -EPROTO;
	}
	p = mmap(NULL, RV_SHM_DATA, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		return -errno;
	}
	r = check_memory(fd, p);
	munmap(p, RV_SHM_DATA);
	return r;
}

static int map(struct shm_map *m, int fd)
{
	int64_t size = read_size(fd);

	if (size < 0) {
		return (int)size;
	}
	m->size = (uint32_t)size;
	m->memory = mmap(NULL, rv_shm_bytes(m->size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m->memory == MAP_FAILED) {
		m->memory = NULL;
		return -errno;
	}
	rv_shm_ring(&m->requests, m->memory, m->size, false);
	rv_shm_ring(&m->replies, m->memory, m->size, true);
	return 0;
}

int shm_map_receive(struct shm_map *m, int sock, uint64_t deadline)
{
	int fds[RV_SHM_FDS], r = wait_readable(sock, deadline);
	ssize_t n = r < 0 ? r : receive_fds(sock, fds);

	if (n < 0) {
		return (int)n;
	}
	if (n != RV_SHM_FDS) {
		close_all(fds, (size_t)n);
		return -EPROTO;
	}
	r = map(m, fds[RV_SHM_MEMORY]);
	close(fds[RV_SHM_MEMORY]);
	if (r < 0) {
		close(fds[RV_SHM_WAKE]);
		return r;
	}
	m->wake = fds[RV_SHM_WAKE];
	return 0;
}

void shm_map_finish(struct shm_map *m)
{
	if (m->memory) {
		munmap(m->memory, rv_shm_bytes(m->size));
		close(m->wake);
	}
	m->memory = NULL;
}
