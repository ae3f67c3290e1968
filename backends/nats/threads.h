/*
 * Threads of our own, which end by themselves, and are waited for at the end of the process:
 * what a thread has in the libraries below is given back only in its very end, and those
 * are not to be taken down before.
 */
#pragma once

/* Runs fn(arg) in a thread that no signal reaches. 0 or -errno. Any thread. */
int nats_thread_start(void (*fn)(void *arg), void *arg);
/* Waits until all have ended, or for some time. */
void nats_threads_wait(unsigned ms);
