/*
 * Static probes for bpftrace, systemtap, perf: a nop each, and a note in the ELF file where
 * it is and where its arguments lie. revd(8) documents them. Built without <sys/sdt.h> there
 * is nothing at all.
 */
#pragma once

#ifdef REVD_PROBES
#include <sys/sdt.h>
/* So many requests (a run of lines is one call) of `bytes` in all are about to be served. */
#define PROBE_REQUEST_START(endpoint, bytes, requests) \
	DTRACE_PROBE3(revd, request__start, endpoint, bytes, requests)
/* Their replies of `bytes` in all are about to be sent; start_ns: CLOCK_MONOTONIC. */
#define PROBE_REQUEST_DONE(endpoint, bytes, status, start_ns, requests) \
	DTRACE_PROBE5(revd, request__done, endpoint, bytes, status, start_ns, requests)
#else
#define PROBE_REQUEST_START(endpoint, bytes, requests) ((void)0)
#define PROBE_REQUEST_DONE(endpoint, bytes, status, start_ns, requests) ((void)(bytes))
#endif
