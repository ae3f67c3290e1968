#include "revc/doctor_limits.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "revc/finding.h"
#include "util/fd.h"
#include "util/num.h"

#define REPLY_QUEUE 16384u /* bytes that a client's reply queue takes of RLIMIT_MSGQUEUE */
#define PIPE_WANTED (1u << 20)

static bool read_number(const char *path, uint64_t *ret)
{
	CLEANUP_FREE char *text = NULL;
	size_t n;

	if (fd_read_file(path, 64, &text, &n) < 0) {
		return false;
	}
	text[strcspn(text, "\n")] = '\0';
	return num_parse_uint(text, ret) == 0;
}

/* The soft limit of another process; 0: not to be seen, or none. */
static uint64_t files_of(uint64_t pid, uint64_t *ret_hard)
{
	char path[64], line[256];
	unsigned long long soft = 0, hard = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%llu/limits", (unsigned long long)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Max open files %llu %llu", &soft, &hard) == 2) {
			break;
		}
	}
	if (f) {
		(void)fclose(f);
	}
	*ret_hard = hard;
	return soft;
}

static void look_at_files(const struct snapshot *s)
{
	uint64_t hard, limit = files_of(s->pid, &hard), peers = 0;
	char mend[128];

	for (size_t i = 0; i < s->n; i++) {
		peers += s->endpoints[i].peers;
	}
	if (limit == 0) {
		finding(FINDING_OK, NULL, "the limits of process %llu can't be seen by this user",
			(unsigned long long)s->pid);
	} else if (peers + peers / 4 + 32 > limit) {
		(void)snprintf(mend, sizeof(mend),
			"prlimit --pid %llu --nofile=%llu:", (unsigned long long)s->pid,
			(unsigned long long)MIN(4 * limit, hard));
		finding(FINDING_WARNING, hard > limit ? mend : NULL,
			"the daemon may open %llu files, and has %llu clients (LimitNOFILE= of its "
			"unit "
			"makes it last)",
			(unsigned long long)limit, (unsigned long long)peers);
	} else {
		finding(FINDING_OK, NULL, "the daemon may open %llu files, and has %llu clients",
			(unsigned long long)limit, (unsigned long long)peers);
	}
}

static size_t count_queues(void)
{
	DIR *d = opendir("/dev/mqueue");
	const struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		n += e->d_name[0] != '.';
	}
	if (d) {
		(void)closedir(d);
	}
	return n;
}

static void look_at_queues(void)
{
	struct rlimit own = {0};
	size_t n = count_queues();
	uint64_t max;
	char mend[64];

	(void)getrlimit(RLIMIT_MSGQUEUE, &own);
	if (own.rlim_cur < REPLY_QUEUE) {
		finding(FINDING_WARNING, "ulimit -q 819200",
			"this user may have %llu bytes of queues: too few for a reply queue",
			(unsigned long long)own.rlim_cur);
	} else {
		finding(FINDING_OK, NULL, "there is room for this user's reply queues");
	}
	if (read_number("/proc/sys/fs/mqueue/queues_max", &max) && n + n / 4 + 1 > max) {
		(void)snprintf(mend, sizeof(mend), "sysctl fs.mqueue.queues_max=%llu",
			(unsigned long long)(2 * max + 2 * n));
		finding(FINDING_WARNING, mend, "there are %zu queues, and may be %llu", n,
			(unsigned long long)max);
	}
}

static void look_at_pipes(void)
{
	uint64_t max;

	if (!read_number("/proc/sys/fs/pipe-max-size", &max)) {
		return;
	}
	if (max < PIPE_WANTED) {
		finding(FINDING_WARNING, "sysctl fs.pipe-max-size=1048576",
			"a pipe holds %llu bytes at most, so that FIFOs are slower than need be",
			(unsigned long long)max);
	} else {
		finding(FINDING_OK, NULL, "a pipe may hold %llu bytes", (unsigned long long)max);
	}
}

static bool has(const struct snapshot *s, const char *transport)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->endpoints[i].transport, transport) == 0) {
			return true;
		}
	}
	return false;
}

void doctor_look_at_limits(const struct snapshot *s)
{
	look_at_files(s);
	if (has(s, "mqueue")) {
		look_at_queues();
	}
	if (has(s, "fifo")) {
		look_at_pipes();
	}
}
