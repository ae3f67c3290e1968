#include "bench/machine.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "util/fd.h"

#define NICE (-10)
#define NICE_TEXT "-10"
#define AUTOGROUP "/proc/self/autogroup"
#define BUSY_LOAD 0.5 /* a machine with more is not still */

void machine_note(struct machine *m, const char *fmt, ...)
{
	char text[sizeof(m->notes[0])];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < m->n_notes; i++) {
		if (strcmp(m->notes[i], text) == 0) {
			return;
		}
	}
	if (m->n_notes < MACHINE_NOTES) {
		memcpy(m->notes[m->n_notes++], text, sizeof(text));
	}
}

/* Copies what follows `key` and its separator on its line of text. */
static bool line_value(const char *text, const char *key, char *buf, size_t size)
{
	const char *p = strstr(text, key);
	size_t n;

	if (!p) {
		return false;
	}
	p += strlen(key);
	p += strspn(p, " \t:=\"");
	n = MIN(strcspn(p, "\"\n"), size - 1);
	memcpy(buf, p, n);
	buf[n] = '\0';
	return true;
}

static void read_value(const char *path, const char *key, char *buf, size_t size, const char *none)
{
	CLEANUP_FREE char *text = NULL;
	size_t n;

	if (fd_read_file(path, 1u << 22, &text, &n) < 0 || !line_value(text, key, buf, size)) {
		snprintf(buf, size, "%s", none);
	}
}

static double read_quota(const char *dir)
{
	CLEANUP_FREE char *text = NULL;
	unsigned long long quota, period;
	char path[512];
	size_t n;

	snprintf(path, sizeof(path), "%s/cpu.max", dir);
	if (fd_read_file(path, 4096, &text, &n) < 0 ||
		sscanf(text, "%llu %llu", &quota, &period) != 2 || period == 0) {
		return 0; /* "max 100000", or not a group with a CPU controller */
	}
	return (double)quota / (double)period;
}

double machine_quota(const char *root, const char *group)
{
	char dir[480];
	double least = 0;
	size_t top = strlen(root);
	int n = snprintf(dir, sizeof(dir), "%s%s", root, group);

	if (n < 0 || (size_t)n >= sizeof(dir)) {
		return 0;
	}
	for (;;) {
		double quota = read_quota(dir);
		char *slash;

		if (quota > 0 && (least <= 0 || quota < least)) {
			least = quota;
		}
		slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < top) {
			return least;
		}
		*slash = '\0';
	}
}

static void find_cpus(struct machine *m)
{
	m->client_cpu = m->server_cpu = -1;
	if (sched_getaffinity(0, sizeof(m->allowed), &m->allowed) < 0) {
		machine_note(m, "the CPUs of this process are unknown: %s", strerror(errno));
		return;
	}
	m->cpus = (unsigned)CPU_COUNT(&m->allowed);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET((size_t)i, &m->allowed)) {
			continue;
		}
		if (m->client_cpu < 0) {
			m->client_cpu = i;
		} else if (m->server_cpu < 0) {
			m->server_cpu = i;
		}
	}
	if (m->server_cpu < 0) {
		m->server_cpu = m->client_cpu;
		machine_note(m, "one CPU only: client and server share it, nothing is split");
	}
}

static void read_load(struct machine *m)
{
	double avg[1];

	m->load = getloadavg(avg, 1) == 1 ? avg[0] : 0;
	if (m->load > BUSY_LOAD) {
		machine_note(m,
			"other programs are running (load %.1f): absolute figures are low,"
			" ratios less exact",
			m->load);
	}
}

/* On one CPU, or with -1 on all that we may use. */
static int pin(const struct machine *m, pid_t pid, int cpu)
{
	cpu_set_t set = m->allowed;

	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
	}
	return proc_pin(pid, &set);
}

void machine_init(struct machine *m)
{
	struct utsname u;
	time_t now = time(NULL);
	struct tm tm;
	char group[400];
	double quota;

	memset(m, 0, sizeof(*m));
	read_value("/proc/cpuinfo", "model name", m->cpu, sizeof(m->cpu), "unknown CPU");
	read_value("/etc/os-release", "PRETTY_NAME", m->system, sizeof(m->system), "Linux");
	if (uname(&u) == 0) {
		snprintf(m->kernel, sizeof(m->kernel), "%.60s %.30s", u.release, u.machine);
	}
	if (gmtime_r(&now, &tm)) {
		strftime(m->date, sizeof(m->date), "%Y-%m-%d %H:%M UTC", &tm);
	}
	find_cpus(m);
	read_value("/proc/self/cgroup", "0::", group, sizeof(group), "/"); /* cgroups(7) */
	quota = machine_quota("/sys/fs/cgroup", group);
	m->can_pin = m->client_cpu >= 0 && pin(m, getpid(), m->client_cpu) == 0;
	if (!m->can_pin) {
		machine_note(m, "no permission to choose CPUs: nothing is pinned");
	}
	pin(m, getpid(), -1);
	if (quota > 0 && quota < m->cpus) {
		machine_note(m,
			"a CPU quota of %.1f of %u CPUs: the loops that keep the cores awake"
			" would use it up and are off",
			quota, m->cpus);
		m->has_quota = true;
	}
	read_load(m);
}

static bool write_autogroup(const char *nice)
{
	FILE *f = fopen(AUTOGROUP, "we");

	return f && (fputs(nice, f) < 0) + (fclose(f) != 0) == 0;
}

void machine_raise(struct machine *m)
{
	char before[sizeof(m->autogroup)];

	/* "/autogroup-13 nice 0"; the file is only there if the kernel has them. */
	read_value(AUTOGROUP, " nice", before, sizeof(before), "");
	if (before[0] && write_autogroup(NICE_TEXT)) {
		memcpy(m->autogroup, before, sizeof(before));
	}
	m->raised = setpriority(PRIO_PROCESS, 0, NICE) == 0 && (!before[0] || m->autogroup[0]);
	if (!m->raised) {
		machine_note(m, "no permission to run before other programs");
	}
}

void machine_finish(struct machine *m)
{
	machine_let_sleep(m);
	if (m->autogroup[0] && !write_autogroup(m->autogroup)) {
		machine_note(m, "the session keeps its raised priority");
	}
}

static void stay_awake(void *arg)
{
	struct sched_param sp = {0};

	/* Without SCHED_IDLE the loop would take time from what is measured. */
	if (sched_setscheduler(0, SCHED_IDLE, &sp) < 0 || proc_pin(getpid(), arg) < 0) {
		return;
	}
	for (;;) {
		__asm__ volatile("" ::: "memory");
	}
}

void machine_keep_awake(struct machine *m)
{
	if (!m->can_pin || m->has_quota || m->awake) {
		return;
	}
	for (int i = 0; i < CPU_SETSIZE && m->n_loops < MACHINE_CPUS_MAX; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((size_t)i, &set);
		if (CPU_ISSET((size_t)i, &m->allowed) &&
			proc_fork(&m->loops[m->n_loops], stay_awake, &set) == 0) {
			m->n_loops++;
		}
	}
	m->awake = m->n_loops > 0;
}

void machine_check_awake(struct machine *m)
{
	for (size_t i = 0; i < m->n_loops; i++) {
		if (!proc_alive(&m->loops[i])) {
			machine_note(m, "a core could not be kept awake");
			m->awake = false;
		}
	}
}

void machine_let_sleep(struct machine *m)
{
	while (m->n_loops > 0) {
		proc_stop(&m->loops[--m->n_loops]);
	}
}

bool machine_place(struct machine *m, enum bench_regime regime, pid_t server)
{
	int client_cpu = regime == BENCH_FREE ? -1 : m->client_cpu;
	int server_cpu = regime == BENCH_SPLIT ? m->server_cpu : client_cpu;

	if (!m->can_pin || pin(m, getpid(), client_cpu) < 0) {
		return false;
	}
	if (server > 0 && pin(m, server, server_cpu) < 0) {
		machine_note(m, "process %d can't be put on a CPU of ours: it runs where it likes",
			(int)server);
		return false;
	}
	return regime != BENCH_FREE;
}
