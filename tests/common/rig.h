/*
 * A rig is a private directory and queue name, a configuration in it, and the
 * daemon that is started on it. One per test. All functions fail the test
 * when what they promise does not happen within the deadline.
 *
 * Programs come from the environment: REVD and REVC (paths), REVD_WRAPPER (words
 * in front of each program, for valgrind), REVD_TEST_PATIENCE (see wait.h).
 */
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define RIG_UID 65534u /* the other user of tests that need two; root only */

struct rig {
	char dir[64];
	char queue[64]; /* "/revd-test-..." */
	pid_t pid;      /* 0: no daemon runs */
	int pidfd, notify;
};

/* How a daemon is started; zero is the usual way. */
struct launch {
	const char *const *args; /* instead of -c DIR/revd.conf */
	const char *const *env;  /* "KEY=value", "KEY" takes it away; ends with NULL */
	const int *fds;          /* become 3, 4, ... with LISTEN_PID and LISTEN_FDS set */
	size_t n_fds;
	const char *fd_names;  /* LISTEN_FDNAMES */
	rlim_t nofile;         /* 0: as it is */
	rlim_t msgqueue;       /* 0: as it is */
	int err;               /* standard error; 0: the log of the rig */
	bool as_other;         /* run as RIG_UID */
	bool listen_pid;       /* LISTEN_PID is the daemon's even without fds */
	bool early;            /* do not wait for READY=1 */
	void (*prepare)(void); /* called in the child, last of all before exec() */
};

/* Endpoints `stream`, `seqpacket`, `fifo` and `mqueue`. */
extern const char rig_all[];

void rig_init(struct rig *);
/* Writes DIR/name; @DIR@ and @QUEUE@ in the text are replaced. */
void rig_write(const struct rig *, const char *name, const char *text);
/* DIR/name. buf: RIG_PATH bytes. Returns buf. */
#define RIG_PATH 256
char *rig_path(const struct rig *, const char *name, char *buf);

/* rig_init, revd.conf = text, rig_launch(NULL). */
void rig_start(struct rig *, const char *text);
void rig_launch(struct rig *, const struct launch *);

void rig_signal(const struct rig *, int sig);
/* Waits until the daemon notifies its supervisor of `line` (READY=1, ...). */
void rig_wait_notify(struct rig *, const char *line);
/* SIGHUP, and waits until the daemon has told its supervisor both ends of it. */
void rig_reload(struct rig *);
/* Waits until the daemon's log has `text` at or behind byte `from`. */
void rig_wait_log(const struct rig *, size_t from, const char *text);
/* The log so far; the caller frees it. *ret_n may be NULL. */
char *rig_log(const struct rig *, size_t *ret_n);
bool rig_log_has(const struct rig *, const char *text);

/* Waits for the end of the daemon, and returns its status as of waitpid(). */
int rig_wait_exit(struct rig *);
/* SIGTERM; the daemon must end with 0. */
void rig_stop(struct rig *);
/* rig_stop() if a daemon runs, and removes the directory. */
void rig_finish(struct rig *);

/* Figures of the running daemon. */
size_t rig_fd_count(const struct rig *);
double rig_cpu_seconds(const struct rig *);
size_t rig_memory(const struct rig *); /* resident bytes */

/* True if DIR/name, or the queue QUEUE+suffix, exists. */
bool rig_has(const struct rig *, const char *name);
/* Waits until DIR/name does not exist. */
void rig_wait_gone(const struct rig *, const char *name);
bool rig_has_queue(const struct rig *, const char *suffix);

/* Notes a queue for removal, however the test ends. */
void rig_note_queue(const char *name);
/* Removes those that other processes than this, tests that have ended, noted. */
void rig_unlink_queues(void);
