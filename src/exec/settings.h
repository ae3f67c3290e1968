/* The keys of a service of the type exec, as they are read. */
#pragma once

#include <revd/option.h>
#include <stdint.h>
#include <sys/types.h>

enum exec_mode {
	EXEC_LINES,
	EXEC_FRAMES,
	EXEC_REQUEST,
};

enum exec_buffering {
	EXEC_AUTO, /* pty for lines, else pipe */
	EXEC_PTY,
	EXEC_STDBUF,
	EXEC_PIPE,
};

enum exec_start {
	EXEC_AT_REQUEST,
	EXEC_AT_ONCE,
};

struct exec_settings {
	const char *command;
	int mode;      /* enum exec_mode */
	int buffering; /* enum exec_buffering */
	int start;     /* enum exec_start */
	uint64_t processes;
	uint64_t backoff; /* microseconds */
	const char *prefix;
	uid_t user;
	gid_t group;
	const char *directory;
	const char *environment;
};

extern const struct rv_option settings_options[];
