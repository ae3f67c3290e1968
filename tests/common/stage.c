#include "common/stage.h"
#include <dirent.h>
#include <ftw.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/runner.h"
#include "util/macro.h"

const char *stage_base(void)
{
	return getenv("REVD_TEST_BASE");
}

static int stage_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* A rig removes its directory when its test has passed, so what is left is
 * from tests that failed: say what their daemon said. */
static void stage_show_log(const char *base, const char *rig)
{
	char path[512], line[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s/stderr", base, rig);
	f = fopen(path, "re");
	if (!f) {
		return;
	}
	fprintf(stderr, "--- %s\n", path);
	while (fgets(line, sizeof line, f)) {
		fputs(line, stderr);
	}
	fclose(f);
}

static void stage_show_logs(const char *base)
{
	DIR *dir = opendir(base);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == 't') {
			stage_show_log(base, e->d_name);
		}
	}
	if (dir) {
		closedir(dir);
	}
}

/* Where the namespace is shared, queues would stay: rigs note them. */
static void stage_unlink_queues(const char *base)
{
	char path[512], name[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/queues", base);
	f = fopen(path, "re");
	while (f && fgets(name, sizeof name, f)) {
		name[strcspn(name, "\n")] = '\0';
		mq_unlink(name);
	}
	if (f) {
		fclose(f);
	}
}

static void stage_prepare(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	/* All of these are for root; tests that need them say so themselves. */
	(void)!unshare(CLONE_NEWIPC);
	(void)!setrlimit(RLIMIT_MSGQUEUE, &unlimited);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
}

int stage_run(Suite *suite)
{
	char base[] = "/tmp/revd-test-XXXXXX";
	int rc;

	if (!mkdtemp(base) || chmod(base, 0755) < 0) {
		perror("mkdtemp");
		return EXIT_FAILURE;
	}
	setenv("REVD_TEST_BASE", base, 1);
	stage_prepare();
	rc = runner_run(suite);
	stage_show_logs(base);
	stage_unlink_queues(base);
	nftw(base, stage_remove, 8, FTW_DEPTH | FTW_PHYS);
	return rc;
}
