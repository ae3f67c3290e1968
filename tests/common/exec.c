#include "common/exec.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/fd.h"
#include "util/macro.h"

#define EXEC_ARGS 64

const char *exec_program(const char *name)
{
	const char *path = NULL;

	if (strcmp(name, "revd") == 0) {
		path = getenv("REVD");
	} else if (strcmp(name, "revc") == 0) {
		path = getenv("REVC");
	}
	return path ? path : name;
}

/* Also in children whose descriptors are another program's already: Check's
 * assertions write to theirs, so none are used here. */
char *exec_expand(const struct rig *rig, const char *text)
{
	size_t size = strlen(text) + 1, n = 0;
	char *out = malloc(size);

	while (out && *text != '\0') {
		const char *dir = strncmp(text, "@DIR@", 5) == 0 ? rig->dir : NULL;
		const char *queue = strncmp(text, "@QUEUE@", 7) == 0 ? rig->queue : NULL;
		const char *with = dir ? dir : queue;
		size_t with_n = with ? strlen(with) : 1;

		size += with_n;
		out = realloc(out, size);
		if (!out) {
			abort();
		}
		memcpy(out + n, with ? with : text, with_n);
		n += with_n;
		text += dir ? 5 : queue ? 7 : 1;
	}
	if (!out) {
		abort();
	}
	out[n] = '\0';
	return out;
}

/* The words of REVD_WRAPPER. Leaks into the exec. */
static size_t exec_wrapper(char **argv, size_t max)
{
	const char *wrapper = getenv("REVD_WRAPPER");
	char *words = wrapper ? strdup(wrapper) : NULL;
	size_t n = 0;

	for (char *w; n < max && (w = strsep(&words, " "));) {
		if (*w) {
			argv[n++] = w;
		}
	}
	return n;
}

_Noreturn void exec_argv(const struct rig *rig, const char *const *argv)
{
	char *args[EXEC_ARGS + 1];
	const char *program = exec_program(argv[0]);
	size_t n = program != argv[0] ? exec_wrapper(args, EXEC_ARGS / 2) : 0;

	setenv("REVD_TEST_DIR", rig->dir, 1);
	setenv("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1", 0);
	args[n++] = exec_expand(rig, program);
	for (size_t i = 1; argv[i] && n < EXEC_ARGS; i++) {
		args[n++] = exec_expand(rig, argv[i]);
	}
	args[n] = NULL;
	execvp(args[0], args);
	dprintf(STDERR_FILENO, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

/* valgrind has no exit code for descriptors; its summary says "FILE DESCRIPTORS:
 * 5 open (3 std) at exit." Those it was born with are listed as inherited. */
static void exec_check_descriptors(const char *log)
{
	const char *summary = strstr(log, "FILE DESCRIPTORS:");
	unsigned long all, std, inherited = 0;
	char *end;

	if (!summary) {
		return;
	}
	for (const char *p = log; (p = strstr(p, "<inherited from parent>")); p++) {
		inherited++;
	}
	all = strtoul(summary + strlen("FILE DESCRIPTORS:"), &end, 10);
	end = strchr(end, '(');
	std = end ? strtoul(end + 1, NULL, 10) : 0;
	ck_assert_msg(all <= std + inherited || all <= 3, "descriptors left open, see valgrind.*");
}

void exec_check_findings(const struct rig *rig, pid_t pid)
{
	char path[RIG_PATH];
	CLEANUP_FREE char *log = NULL;
	size_t n;

	snprintf(path, sizeof path, "%s/valgrind.%d", rig->dir, (int)pid);
	if (fd_read_file(path, 1u << 20, &log, &n) == 0) {
		ck_assert_msg(!strstr(log, "ERROR SUMMARY") || strstr(log, "ERROR SUMMARY: 0 "),
			"errors, see %s", path);
		exec_check_descriptors(log);
	}
}
