#include "exec_rig.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/wait.h"

void exec_start_with(
	struct scene *s, const char *global, const char *endpoint, const char *keys)
{
	CLEANUP_FREE char *config = NULL;

	ck_assert_int_gt(asprintf(&config,
				 "[revd]\n%s\n[endpoint.stream]\ntransport = uds\n"
				 "path = @DIR@/stream.sock\nservice = x\n%s\n"
				 "[endpoint.other]\ntransport = uds\npath = @DIR@/other.sock\n"
				 "[service.x]\ntype = exec\n%s\n",
				 global, endpoint, keys),
		0);
	rig_start(&s->rig, config);
	client_open(&s->client, &s->rig, STREAM);
}

void exec_start(struct scene *s, const char *keys)
{
	exec_start_with(s, "", "", keys);
}

static size_t read_children(const char *path, pid_t ret[EXEC_PIDS], size_t n)
{
	FILE *f = fopen(path, "r");
	int pid;

	while (f && n < EXEC_PIDS && fscanf(f, "%d", &pid) == 1) {
		ret[n++] = pid;
	}
	if (f) {
		fclose(f);
	}
	return n;
}

size_t exec_children(pid_t of, pid_t ret[EXEC_PIDS])
{
	char path[300];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)of);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)of, e->d_name);
		n = read_children(path, ret, n);
	}
	if (d) {
		closedir(d);
	}
	return n;
}

/* There is no event for what happens to processes of others. */
static void look_again(uint64_t until, const char *what)
{
	ck_assert_msg(wait_left(until) > 0, "%s", what);
	(void)poll(NULL, 0, 2);
}

pid_t exec_wait_children(pid_t of, size_t n)
{
	uint64_t until = wait_until(WAIT_MS);
	pid_t pids[EXEC_PIDS] = {0};

	while (exec_children(of, pids) != n) {
		look_again(until, "it has not that many children");
	}
	return pids[0];
}

void exec_wait_descriptors(const struct rig *r, size_t most)
{
	uint64_t until = wait_until(WAIT_MS);

	while (rig_fd_count(r) > most) {
		look_again(until, "it keeps descriptors");
	}
}

static bool runs(pid_t pid)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1) {
			state = 'X';
		}
		fclose(f);
	}
	return state != 'X' && state != 'Z';
}

void exec_wait_end(pid_t pid)
{
	uint64_t until = wait_until(WAIT_MS);

	ck_assert_int_gt(pid, 0);
	while (runs(pid)) {
		look_again(until, "it goes on running");
	}
}

void exec_check_other(const struct scene *s)
{
	char path[RIG_PATH];
	struct client other;

	client_open_at(&other, STREAM, rig_path(&s->rig, "other.sock", path));
	client_expect_text(&other, "hola", "aloh");
	client_close(&other);
}

void exec_expect(struct scene *s, uint64_t id, const char *request, enum rv_status status,
	const char *text)
{
	struct reply r;

	client_send_frame(&s->client, RV_OP_CALL, 0, id, request, strlen(request));
	client_recv_frame(&s->client, &r, id, (uint8_t)status);
	ck_assert_msg(!text || (r.n == strlen(text) && memcmp(r.data, text, r.n) == 0),
		"'%.*s' instead of '%s'", (int)r.n, (const char *)r.data, text);
}
