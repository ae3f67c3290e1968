#include "shm/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Nobody may take away the ground under the rings: to touch what was cut off is SIGBUS. */
static int make_sealed(uint32_t size)
{
	CLEANUP_FD int fd = memfd_create("revd-shm", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)rv_shm_bytes(size)) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		return -errno;
	}
	return TAKE_FD(fd);
}

static int map(struct shm_memory *m, int fd)
{
	void *p = mmap(NULL, rv_shm_bytes(m->size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		return -errno;
	}
	m->map = p;
	rv_shm_ring(&m->requests, p, m->size, false);
	rv_shm_ring(&m->replies, p, m->size, true);
	return 0;
}

static void begin(struct shm_memory *m)
{
	struct rv_shm *head = m->map;

	head->magic = RV_SHM_MAGIC;
	head->version = RV_SHM_VERSION;
	head->size = m->size;
	/* a client that has not looked yet may be sleeping already */
	rv_ring_want(&m->replies.shared->reader_waits, RV_RING_BY_FD);
}

/* A line, so that a client that takes this for another kind of socket tells why it can't
 * go on. */
static int greet(int sock, int memory, int wake)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(RV_SHM_FDS * sizeof(int))];
	} control = {0};
	char line[] = RV_SHM_GREETING;
	struct iovec iov = {line, sizeof(line) - 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	const int fds[RV_SHM_FDS] = {[RV_SHM_MEMORY] = memory, [RV_SHM_WAKE] = wake};

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int shm_memory_make(struct shm_memory *m, uint32_t size, int sock)
{
	CLEANUP_FD int memory = make_sealed(size);
	CLEANUP_FD int wake = memory < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = memory < 0 ? memory : wake < 0 ? -errno : 0;

	m->size = size;
	m->wake = m->fd = -1;
	r = r < 0 ? r : map(m, memory);
	if (r == 0) {
		begin(m);
		r = greet(sock, memory, wake);
	}
	if (r < 0) {
		shm_memory_finish(m);
		return r;
	}
	m->wake = TAKE_FD(wake);
	m->fd = TAKE_FD(memory);
	return 0;
}

int shm_memory_take(struct shm_memory *m, uint32_t size, int fd, int wake, uint32_t requests_at,
	uint32_t replies_at)
{
	CLEANUP_FD int memory = fd;
	CLEANUP_FD int event = wake;
	struct stat st;
	int r;

	if (size < RV_SHM_SIZE_MIN || size > RV_SHM_SIZE_MAX || size & (size - 1) || event < 0 ||
		fstat(memory, &st) < 0 || (size_t)st.st_size != rv_shm_bytes(size)) {
		return -EBADMSG;
	}
	m->size = size;
	r = map(m, memory);
	if (r < 0) {
		return r;
	}
	m->requests.at = requests_at;
	m->replies.at = replies_at;
	m->wake = TAKE_FD(event);
	m->fd = TAKE_FD(memory);
	return 0;
}

void shm_memory_finish(struct shm_memory *m)
{
	if (m->map) {
		munmap(m->map, rv_shm_bytes(m->size));
		fd_close_p(&m->wake);
		fd_close_p(&m->fd);
	}
	m->map = NULL;
}
