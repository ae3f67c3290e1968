#include "daemon/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/log.h"

static const char stdio_config[] = "[revd]\nlog_level = warning\nworkers = 1\n"
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
		"[endpoint.fifo]\ntransport = fifo\npath = %s/revd.fifo\n"
		"[endpoint.mqueue]\ntransport = mqueue\nqueue = /revd-demo-%ld\n",
		dir, dir, dir, (long)getpid());
}

static const char *temp_dir(void)
{
	const char *t = getenv("TMPDIR");

	return t && t[0] == '/' ? t : "/tmp";
}

static int init_demo(struct place *p)
{
	CLEANUP_FREE char *dir = NULL;
	FILE *f;

	if (asprintf(&dir, "%s/revd-demo.XXXXXX", temp_dir()) < 0) {
		dir = NULL;
		return out_of_memory();
	}
	if (!mkdtemp(dir)) {
		log_error("%s: %s", dir, strerror(errno));
		return -errno;
	}
	p->demo_dir = TAKE_PTR(dir);
	if (asprintf(&p->config, "%s/revd.conf", p->demo_dir) < 0) {
		p->config = NULL;
		return out_of_memory();
	}
	f = fopen(p->config, "wxe");
	if (f) {
		put_demo_config(f, p->demo_dir);
	}
	return finish_file(f, p->config);
}

static int init_stdio(struct place *p)
{
	CLEANUP_FREE char *path = NULL;
	FILE *f;
	int fd;

	if (asprintf(&path, "%s/revd-stdio.XXXXXX", temp_dir()) < 0) {
		path = NULL;
		return out_of_memory();
	}
	fd = mkstemp(path);
	if (fd < 0) {
		log_error("%s: %s", path, strerror(errno));
		return -errno;
	}
	p->temporary = strdup(path);
	p->config = TAKE_PTR(path);
	if (!p->temporary) {
		return out_of_memory();
	}
	f = fdopen(fd, "w");
	if (f) {
		fputs(stdio_config, f);
	}
	return finish_file(f, p->config);
}

/* $RUNTIME_DIRECTORY may list several, separated by colons. */
static char *runtime_dir(void)
{
	const char *s = getenv("RUNTIME_DIRECTORY");
	char *dir = NULL;

	if (s && s[0] == '/') {
		return strndup(s, strcspn(s, ":"));
	}
	if (geteuid() == 0) {
		return strdup("/run/revd");
	}
	s = getenv("XDG_RUNTIME_DIR");
	if (s && s[0] == '/' && asprintf(&dir, "%s/revd", s) < 0) {
		return NULL;
	}
	return dir ? dir : strdup("/run/revd");
}

int place_init(struct place *p, const struct options *o)
{
	memset(p, 0, sizeof(*p));
	p->runtime_dir = runtime_dir();
	if (!p->runtime_dir) {
		return out_of_memory();
	}
	if (o->mode == MODE_DEMO) {
		return init_demo(p);
	}
	if (o->mode == MODE_STDIO && !o->config) {
		return init_stdio(p);
	}
	if (o->config || access(REVD_CONFIG_FILE, F_OK) == 0) {
		p->config = strdup(o->config ? o->config : REVD_CONFIG_FILE);
		return p->config ? 0 : out_of_memory();
	}
	return 0;
}

int place_make(const struct place *p)
{
	if (p->demo_dir || p->temporary || mkdir(p->runtime_dir, 0755) == 0 || errno == EEXIST) {
		return 0;
	}
	if (p->config) {
		return 0; /* its endpoints may be elsewhere */
	}
	log_error("%s: %s", p->runtime_dir, strerror(errno));
	return -errno;
}

void place_print_demo(const struct place *p)
{
	const char *dir = p->demo_dir;
	long pid = (long)getpid();

	printf("revd serves, until you press Ctrl-C:\n\n"
	       "  Unix socket (stream)     revc -e uds:%s/revd.sock hola\n"
	       "                           echo hola | nc -NU %s/revd.sock\n",
		dir, dir);
	printf("  Unix socket (seqpacket)  revc -e uds:%s/seqpacket.sock hola\n"
	       "  FIFO                     revc -e fifo:%s/revd.fifo hola\n"
	       "                           echo hola > %s/revd.fifo; head -n 1 %s/revd.fifo.out\n"
	       "  POSIX message queue      revc -e mqueue:/revd-demo-%ld hola\n\n",
		dir, dir, dir, dir, pid);
	printf("  all at once              revc --all -c %s/revd.conf hola\n"
	       "  reload                   edit %s/revd.conf, then kill -HUP %ld\n",
		dir, dir, pid);
	fflush(stdout);
}

void place_finish(struct place *p)
{
	if (p->temporary) {
		unlink(p->temporary);
	}
	if (p->demo_dir) {
		if (p->config) {
			unlink(p->config);
		}
		if (rmdir(p->demo_dir) < 0) {
			log_warning("%s: %s", p->demo_dir, strerror(errno));
		}
	}
	free(p->config);
	free(p->runtime_dir);
	free(p->demo_dir);
	free(p->temporary);
	memset(p, 0, sizeof(*p));
}
