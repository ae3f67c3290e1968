#include "common/manager.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/wait.h"
#include "util/bag.h"
#include "util/fd.h"

void manager_init(struct manager *m, const struct rig *rig)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	*m = (struct manager){
		.sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
	ck_assert_int_ge(m->sock, 0);
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/manager", rig->dir);
	ck_assert_int_eq(bind(m->sock, (struct sockaddr *)&sa, sizeof sa), 0);
}

static void forget(struct manager *m, const char *name)
{
	size_t left = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->kept[i].name, name) == 0) {
			close(m->kept[i].fd);
		} else {
			m->kept[left++] = m->kept[i];
		}
	}
	m->n = left;
}

void manager_finish(struct manager *m)
{
	while (m->n > 0) {
		close(m->kept[--m->n].fd);
	}
	close(m->sock);
}

static void keep(struct manager *m, const char *name, struct passed_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++) {
		if (m->refuses || strcmp(name, "revd-starts") == 0) {
			close(fds->fds[i]);
			continue;
		}
		ck_assert_uint_lt(m->n, MANAGER_KEEPS);
		snprintf(m->kept[m->n].name, sizeof m->kept[m->n].name, "%s", name);
		m->kept[m->n++].fd = fds->fds[i];
	}
	fds->n = 0;
}

/* True if it says that the daemon is ready. */
static bool understand(struct manager *m, char *text, struct passed_fds *fds)
{
	bool store = false, drop = false, ready = false;
	const char *name = "stored";
	char *save = NULL;

	for (char *s = strtok_r(text, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		store |= strcmp(s, "FDSTORE=1") == 0;
		drop |= strcmp(s, "FDSTOREREMOVE=1") == 0;
		ready |= strcmp(s, "READY=1") == 0;
		name = strncmp(s, "FDNAME=", 7) == 0 ? s + 7 : name;
	}
	if (store) {
		keep(m, name, fds);
	} else if (drop) {
		forget(m, name);
	}
	while (fds->n > 0) { /* of a barrier */
		close(fds->fds[--fds->n]);
	}
	return ready;
}

static bool take_all(struct manager *m)
{
	struct passed_fds fds;
	bool ready = false;
	char text[1024];
	ssize_t n;

	while ((n = pass_receive(m->sock, text, sizeof text - 1, &fds)) > 0) {
		text[n] = '\0';
		ready |= understand(m, text, &fds);
	}
	return ready;
}

void manager_read(struct manager *m)
{
	(void)take_all(m);
}

void manager_launch(struct manager *m, struct rig *rig)
{
	static const char *const env[] = {"NOTIFY_SOCKET=@DIR@/manager", "FDSTORE", NULL};
	char names[MANAGER_KEEPS * 96] = "";
	int fds[MANAGER_KEEPS];
	uint64_t until = wait_until(WAIT_MS);
	size_t used = 0;

	for (size_t i = 0; i < m->n; i++) {
		fds[i] = m->kept[i].fd;
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
			i > 0 ? ":" : "", m->kept[i].name);
		ck_assert_uint_lt(used, sizeof names);
	}
	rig_launch(rig,
		&(struct launch){
			.early = true, .env = env, .fds = fds, .n_fds = m->n, .fd_names = names});
	do {
		ck_assert_msg(wait_fd(m->sock, POLLIN, until), "the daemon is not ready in time");
	} while (!take_all(m));
}

size_t manager_settled(const struct manager *m)
{
	size_t settled = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct bag_marks *marks;
		struct stat st;

		if (strncmp(m->kept[i].name, "revd-connections-", 17) != 0 ||
			fstat(m->kept[i].fd, &st) < 0 || !S_ISREG(st.st_mode)) {
			continue;
		}
		marks = mmap(NULL, sizeof *marks, PROT_READ, MAP_SHARED, m->kept[i].fd, 0);
		ck_assert_ptr_ne(marks, MAP_FAILED);
		for (size_t k = 0; k < BAG_SLOTS; k++) {
			settled += marks->clean[k];
		}
		munmap((void *)(uintptr_t)marks, sizeof *marks);
	}
	return settled;
}

void manager_wait_settled(struct manager *m, const struct rig *rig, size_t n)
{
	uint64_t until = wait_until(WAIT_MS);

	while (manager_read(m), manager_settled(m) != n) {
		/* the marks are memory: nothing tells of them but looking, now and then */
		ck_assert_msg(wait_left(until) > 0, "%zu connections are kept, not %zu",
			manager_settled(m), n);
		(void)wait_fd(m->sock, POLLIN, wait_until(5));
		ck_assert_int_eq(kill(rig->pid, 0), 0);
	}
}

void manager_kill(struct manager *m, struct rig *rig, int sig)
{
	rig_signal(rig, sig);
	ck_assert(WIFSIGNALED(rig_wait_exit(rig)));
	manager_read(m);
}
