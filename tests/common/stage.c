#include "common/stage.h"
#include <ftw.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/rig.h"
#include "common/runner.h"
#include "common/wait.h"

#define STAGE_TEST_SECONDS 60 /* several deadlines may pass before a test gives up */

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

static void stage_show_log(const char *path)
{
	char line[512];
	FILE *f = fopen(path, "re");

	fprintf(stderr, "--- %s\n", path);
	while (f && fgets(line, sizeof line, f)) {
		fputs(line, stderr);
	}
	if (f) {
		fclose(f);
	}
}

/* A rig removes its directory when its test has passed, so what is left is
 * from tests that failed: say what their daemon, or valgrind, said. */
static void stage_show_logs(const char *base)
{
	char pattern[512];
	glob_t found = {0};

	snprintf(pattern, sizeof pattern, "%s/t*/{stderr,valgrind.*}", base);
	if (glob(pattern, GLOB_BRACE, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			stage_show_log(found.gl_pathv[i]);
		}
	}
	globfree(&found);
}

static void stage_prepare(void)
{
	/* For root; where it fails, names keep the tests apart. /dev/mqueue shows the queues
	 * of the namespace that mounted it. */
	if (unshare(CLONE_NEWIPC) == 0 && unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
		(void)!mkdir("/dev/mqueue", 0755); /* it may well be there */
		(void)!mount("mqueue", "/dev/mqueue", "mqueue", 0, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	umask(022);
}

TCase *stage_tcase(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_set_timeout(t, STAGE_TEST_SECONDS * wait_patience());
	return t;
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
	rig_unlink_queues();
	nftw(base, stage_remove, 8, FTW_DEPTH | FTW_PHYS);
	return rc;
}
