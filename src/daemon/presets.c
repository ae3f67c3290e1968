#include "daemon/presets.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/log.h"
#include "util/program.h"

const char preset_stdio[] = "[revd]\nlog_level = warning\nworkers = 1\n"
			    "[endpoint.stdio]\ntransport = stdio\n";

static int out_of_memory(void)
{
	log_error("out of memory");
	return -ENOMEM;
}

/* Ends what was written to f. */
static int finish_file(FILE *f, const char *path)
{
	bool bad = !f || ferror(f);

	if (f && fclose(f) != 0) {
		bad = true;
	}
	if (bad) {
		log_error("%s: %s", path, strerror(errno));
		return errno ? -errno : -EIO;
	}
	return 0;
}

static void put_demo_config(FILE *f, const char *dir)
{
	fprintf(f,
		"# made by revd --demo, removed when it ends\n"
		"[revd]\nlog_level = notice\n"
		"[endpoint.stream]\ntransport = uds\npath = %s/revd.sock\n"
		"[endpoint.seqpacket]\ntransport = uds\ntype = seqpacket\n"
		"path = %s/seqpacket.sock\n"
		"[endpoint.shm]\ntransport = shm\npath = %s/revd.shm\n"
		"[endpoint.fifo]\ntransport = fifo\npath = %s/revd.fifo\n"
		"[endpoint.mqueue]\ntransport = mqueue\nqueue = /revd-demo-%ld\n",
		dir, dir, dir, dir, (long)getpid());
}

static const char *temp_dir(void)
{
	const char *t = getenv("TMPDIR");

	return t && t[0] == '/' ? t : "/tmp";
}

int demo_init(struct demo *d)
{
	CLEANUP_FREE char *dir = NULL;
	FILE *f;

	*d = (struct demo){0};
	if (asprintf(&dir, "%s/revd-demo.XXXXXX", temp_dir()) < 0) {
		dir = NULL;
		return out_of_memory();
	}
	if (!mkdtemp(dir)) {
		log_error("%s: %s", dir, strerror(errno));
		return -errno;
	}
	d->dir = TAKE_PTR(dir);
	if (asprintf(&d->file, "%s/revd.conf", d->dir) < 0) {
		d->file = NULL;
		return out_of_memory();
	}
	f = fopen(d->file, "wxe");
	if (f) {
		put_demo_config(f, d->dir);
	}
	return finish_file(f, d->file);
}

void demo_print(const struct demo *d)
{
	const char *dir = d->dir;
	long pid = (long)getpid();
	char revc[PATH_MAX] = "revc";

	if (!program_in_path(revc)) {
		program_find("revc", "revc", revc, sizeof(revc));
	}
	printf("revd serves, until you press Ctrl-C:\n\n"
	       "  Unix socket (stream)     %s -e uds:%s/revd.sock hola\n"
	       "                           echo hola | nc -NU %s/revd.sock\n",
		revc, dir, dir);
	printf("  Unix socket (seqpacket)  %s -e uds:%s/seqpacket.sock hola\n"
	       "  shared memory            %s -e shm:%s/revd.shm hola\n"
	       "  FIFO                     %s -e fifo:%s/revd.fifo hola\n"
	       "                           echo hola > %s/revd.fifo; head -n 1 %s/revd.fifo.out\n",
		revc, dir, revc, dir, revc, dir, dir, dir);
	printf("  POSIX message queue      %s -e mqueue:/revd-demo-%ld hola\n\n"
	       "  all at once              %s -e uds:%s/revd.sock --all hola\n"
	       "  reload                   edit %s/revd.conf, then kill -HUP %ld\n",
		revc, pid, revc, dir, dir, pid);
	fflush(stdout);
}

void demo_finish(struct demo *d)
{
	if (d->file) {
		unlink(d->file);
	}
	if (d->dir && rmdir(d->dir) < 0) {
		log_warning("%s: %s", d->dir, strerror(errno));
	}
	free(d->file);
	free(d->dir);
	*d = (struct demo){0};
}
