/*
 * What a process inherits from whoever started it, put into a known state. Called first
 * of all in main(), before anything is opened.
 *
 * Whoever it is may have closed the standard descriptors, so that the next things to be
 * opened get their numbers, and what is meant for a person goes into them; may have
 * blocked or ignored the signals that end a program or make it reload, or SIGCHLD,
 * without which no child can be waited for; and has a mask of modes and limits that are
 * about other programs.
 */
#pragma once

enum process_kind {
	/* In a terminal or a pipeline: goes on after a hang-up or in the background where
	 * nohup(1) or a shell said so; the mask of modes and the limits are the user's. */
	PROCESS_TOOL,
	/* Serves others: nothing but its end ends it. What it has handlers for is blocked,
	 * until process_unblock(), so that none is lost, or deadly, before these are there. */
	PROCESS_DAEMON,
};

void process_init(enum process_kind);
void process_unblock(void);
/* Blocks them again, before an execve() to another PROCESS_DAEMON. */
void process_block(void);
