/*
 * Processes on the other side of a measurement: starting and ending them, where
 * they run, and what they have used so far.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <revd/option.h>
#include "util/macro.h"

#define PROC_NO_PROGRAM 127 /* exit status of proc_spawn() if the program can't be run */

struct proc {
	pid_t pid; /* 0: none */
	bool ours; /* started here, so ended here */
};

/* Runs fn(arg) in a child, which ends with it, or when this process ends. */
int proc_fork(struct proc *ret, void (*fn)(void *arg), void *arg) MUST_CHECK;

/* Starts a program with standard output and error going to log_fd (-1: nowhere).
 * notify: value for NOTIFY_SOCKET, or NULL. argv ends with NULL. */
int proc_spawn(
	struct proc *ret, const char *const *argv, const char *notify, int log_fd) MUST_CHECK;

/* Ends it, first with SIGTERM, after a second with SIGKILL. A no-op for what
 * was not started here. Returns its wait status, or -1. */
int proc_stop(struct proc *);

/* Waits until it has exited, but no longer than that. True if it has. */
bool proc_wait(const struct proc *, int timeout_ms);

/* True while it has not exited; a child that has stays to be waited for. */
bool proc_alive(const struct proc *);

/* Lets all threads of pid run on these CPUs only. 0 or -errno. */
int proc_pin(pid_t pid, const cpu_set_t *);

/* CPU time of all threads, ns; 0 if unknown. */
uint64_t proc_cpu_ns(pid_t pid);

/* Context switches of all threads, voluntary and not; 0 if unknown. */
uint64_t proc_switches(pid_t pid);
