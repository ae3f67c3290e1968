/* What is to be run: a file, its arguments and environment, and as whom. */
#pragma once

#include <stdbool.h>
#include <revd/option.h>
#include "exec/settings.h"
#include "util/macro.h"

struct program {
	char *path;   /* of the file that is executed */
	char **argv;  /* its strings are those of */
	char **words; /* the command, and of */
	char *file;   /* what stdbuf(1) is to execute, or NULL */
	char **env; /* "NAME=value" */
	char **env_words;
	char *names[3]; /* what env has of the user's: HOME, USER, LOGNAME */
	const char *directory;
	bool change_ids; /* to these: */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int n_groups;
};

/* Is there anything to be run? 0, or -errno with the sentence and the key to blame. */
int program_check(const struct exec_settings *, struct rv_err *) MUST_CHECK;

/* Zeroed memory becomes a program; the strings of the settings stay theirs. Likewise.
 * program_finish() is to be called in any case. */
int program_init(struct program *, const struct exec_settings *, struct rv_err *) MUST_CHECK;
void program_finish(struct program *);
