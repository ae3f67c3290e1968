#include "exec/program.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec/environment.h"
#include "exec/words.h"

#define GROUPS_MAX 65536

PRINTF(3, 4) static int fail(struct rv_err *err, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->key = key;
	return -EINVAL;
}

static int split(const char *text, const char *key, char ***ret, struct rv_err *err)
{
	const char *why = "out of memory";
	int r = words_split(text, ret, &why);

	return r < 0 ? fail(err, key, "%s", why) : 0;
}

/* 0, or what is wrong with the file. */
static int judge_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		return -errno;
	}
	if (!S_ISREG(st.st_mode)) {
		return S_ISDIR(st.st_mode) ? -EISDIR : -EACCES;
	}
	return st.st_mode & 0111 ? 0 : -EACCES; /* whether the user may is seen later */
}

/* Where systemd looks, too. The path is the caller's to free. */
static char *look_up(const char *name)
{
	static const char *const places[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
		"/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", places[i], name) > 0 && judge_file(path) == 0) {
			return path;
		}
		free(path);
	}
	return NULL;
}

/* The file of a command. */
static int find_file(const char *name, char **ret, struct rv_err *err)
{
	int r;

	if (!strchr(name, '/')) {
		*ret = look_up(name);
		return *ret ? 0
			    : fail(err, "command", "there is no program %s in /usr/bin and the like",
				      name);
	}
	if (name[0] != '/') {
		return fail(err, "command", "%s is neither a name nor an absolute path", name);
	}
	r = judge_file(name);
	if (r < 0) {
		return fail(err, "command", "%s: %s", name,
			r == -EACCES ? "it is not executable" : strerror(-r));
	}
	*ret = strdup(name);
	return *ret ? 0 : fail(err, NULL, "out of memory");
}

static bool is_variable(const char *word)
{
	size_t n = strspn(
		word, "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

	return n > 0 && word[n] == '=' && (word[0] < '0' || word[0] > '9');
}

static int judge_environment(char *const *words, struct rv_err *err)
{
	for (; *words; words++) {
		if (!is_variable(*words)) {
			return fail(err, "environment", "'%s' is not NAME=value", *words);
		}
		if (strncmp(*words, "REVD_", 5) == 0) {
			return fail(err, "environment", "names with REVD_ are the daemon's");
		}
	}
	return 0;
}

static int judge_directory(const char *path, struct rv_err *err)
{
	struct stat st;

	if (path[0] && stat(path, &st) < 0) {
		return fail(err, "directory", "%s: %s", path, strerror(errno));
	}
	return path[0] && !S_ISDIR(st.st_mode)
		       ? fail(err, "directory", "%s: %s", path, strerror(ENOTDIR))
		       : 0;
}

static int judge_buffering(const struct exec_settings *s, struct rv_err *err)
{
	if (s->buffering == EXEC_PTY && s->mode == EXEC_REQUEST) {
		return fail(err, "buffering",
			"pty is for co-processes: on a terminal the input of a request has no end");
	}
	if (s->buffering == EXEC_STDBUF) {
		CLEANUP_FREE char *path = look_up("stdbuf");

		return path ? 0
			    : fail(err, "buffering", "there is no program stdbuf (coreutils)");
	}
	return 0;
}

/* All words of the program, behind those of stdbuf(1). The strings stay those of words. */
static char **make_argv(char **words, bool stdbuf)
{
	static char name[] = "stdbuf", option[] = "-oL", end[] = "--";
	char *const front[] = {name, option, end};
	size_t n = 0, k = stdbuf ? ARRAY_SIZE(front) : 0;
	char **argv;

	while (words[n]) {
		n++;
	}
	argv = calloc(n + k + 1, sizeof(*argv));
	if (argv) {
		memcpy(argv, front, k * sizeof(*argv));
		memcpy(argv + k, words, n * sizeof(*argv));
	}
	return argv;
}

int program_check(const struct exec_settings *s, struct rv_err *err)
{
	CLEANUP_FREE char **words = NULL;
	CLEANUP_FREE char **env = NULL;
	CLEANUP_FREE char *path = NULL;
	int r;

	if (!s->command[0]) {
		return fail(err, "command", "it has no command to run");
	}
	r = split(s->command, "command", &words, err);
	if (r == 0 && !words[0]) {
		r = fail(err, "command", "it has no command to run");
	}
	r = r == 0 ? find_file(words[0], &path, err) : r;
	r = r == 0 ? split(s->environment, "environment", &env, err) : r;
	r = r == 0 ? judge_environment(env, err) : r;
	r = r == 0 ? judge_directory(s->directory, err) : r;
	return r == 0 ? judge_buffering(s, err) : r;
}

static int set_groups(struct program *p, const char *name, struct rv_err *err)
{
	int n = 0;

	(void)getgrouplist(name, p->gid, NULL, &n);
	if (n < 0 || n > GROUPS_MAX) {
		return fail(err, "user", "it has too many groups");
	}
	p->groups = calloc((size_t)n + 1, sizeof(*p->groups));
	if (!p->groups || getgrouplist(name, p->gid, p->groups, &n) < 0) {
		return fail(err, "user", "its groups can't be read");
	}
	p->n_groups = n;
	return 0;
}

static int set_names(struct program *p, const struct passwd *pw)
{
	return asprintf(&p->names[0], "HOME=%s", pw->pw_dir) > 0 &&
			       asprintf(&p->names[1], "USER=%s", pw->pw_name) > 0 &&
			       asprintf(&p->names[2], "LOGNAME=%s", pw->pw_name) > 0
		       ? 0
		       : -ENOMEM;
}

static int set_user(struct program *p, const struct exec_settings *s, struct rv_err *err)
{
	const struct passwd *pw = NULL;

	p->uid = s->user == (uid_t)-1 ? geteuid() : s->user;
	p->gid = s->group == (gid_t)-1 ? getegid() : s->group;
	p->change_ids = p->uid != geteuid() || p->gid != getegid();
	if (p->change_ids && geteuid() != 0) {
		return fail(err, s->user == (uid_t)-1 ? "group" : "user",
			"only a daemon that runs as root can run others as somebody else");
	}
	if (s->user != (uid_t)-1 && (pw = getpwuid(s->user)) && s->group == (gid_t)-1) {
		p->gid = pw->pw_gid;
	}
	if (pw && set_names(p, pw) < 0) {
		return fail(err, NULL, "out of memory");
	}
	return pw && p->change_ids ? set_groups(p, pw->pw_name, err) : 0;
}

int program_init(struct program *p, const struct exec_settings *s, struct rv_err *err)
{
	CLEANUP_FREE char **words = NULL;
	bool stdbuf = s->buffering == EXEC_STDBUF;
	int r = program_check(s, err);

	r = r == 0 ? split(s->command, "command", &words, err) : r;
	r = r == 0 ? find_file(words[0], &p->path, err) : r;
	if (r < 0) {
		return r;
	}
	if (stdbuf) {
		words[0] = p->file = p->path;
		p->path = look_up("stdbuf");
	}
	p->argv = make_argv(words, stdbuf);
	p->words = TAKE_PTR(words);
	if (!p->argv || !p->path) {
		return fail(err, NULL, "out of memory");
	}
	p->directory = s->directory[0] ? s->directory : "/";
	r = split(s->environment, "environment", &p->env_words, err);
	r = r == 0 ? set_user(p, s, err) : r;
	if (r == 0) {
		p->env = environment_make(p->env_words, p->names, ARRAY_SIZE(p->names));
		r = p->env ? 0 : fail(err, NULL, "out of memory");
	}
	return r;
}

void program_finish(struct program *p)
{
	free(p->path);
	free(p->file);
	free(p->argv);
	free(p->words);
	free(p->env);
	free(p->env_words);
	free(p->groups);
	for (size_t i = 0; i < ARRAY_SIZE(p->names); i++) {
		free(p->names[i]);
	}
	*p = (struct program){0};
}
