/*
 * The machine that the figures are of, and how it is kept still while measuring.
 *
 * Waking a core that the hypervisor or the power management has halted takes between
 * 10 and 160 µs, depending on the moment, which hides what is to be measured. So
 * while it measures, one loop per core keeps it awake: under SCHED_IDLE, so that it
 * only runs when nobody else wants the core.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <revd/option.h>
#include "bench/bench.h"
#include "bench/proc.h"

#define MACHINE_NOTES 8
#define MACHINE_CPUS_MAX 256

struct machine {
	char cpu[96], kernel[96], system[96], date[32];
	unsigned cpus;     /* that this process may use */
	cpu_set_t allowed; /* which these are */
	int client_cpu;    /* where the client runs when pinned */
	int server_cpu;    /* where the server runs in the split regime */
	bool can_pin;
	bool has_quota;    /* of CPU time, which the loops would use up */
	bool awake;        /* the loops ran while it was measured */
	bool raised;       /* we and our servers run before other programs */
	char autogroup[8]; /* nice value of the session before that; "" if it was left */
	double load;       /* processes that wanted to run at the start, besides us */
	size_t n_notes;    /* what could not be done or taints the figures, for people */
	char notes[MACHINE_NOTES][256];
	size_t n_loops;
	struct proc loops[MACHINE_CPUS_MAX];
};

void machine_init(struct machine *);

/* Lets this process, and those that it starts from now on, run before others. Where the
 * kernel groups processes by session (sched(7), autogroup), that takes the session's
 * value too, which machine_finish() restores. Notes it if that is not permitted. */
void machine_raise(struct machine *);
void machine_finish(struct machine *);

/* Starts and ends the loops. At most MACHINE_CPUS_MAX cores. */
void machine_keep_awake(struct machine *);
void machine_let_sleep(struct machine *);
/* Notes it if a loop has ended by itself. */
void machine_check_awake(struct machine *);

/* Puts this thread and the server where the regime wants them. False if that did not
 * work; it is noted once. server: 0 if there is none that may be moved. */
bool machine_place(struct machine *, enum bench_regime, pid_t server);

/* The CPU quota of a control group or one above it, in CPUs: the least; 0: none.
 * root: where the hierarchy is mounted. group: as in /proc/self/cgroup. */
double machine_quota(const char *root, const char *group);

void machine_note(struct machine *, const char *fmt, ...) PRINTF(2, 3);
