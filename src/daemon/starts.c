#include "daemon/starts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "daemon/systemd.h"
#include "util/fd.h"
#include "util/log.h"

#define MAGIC 0x3173747261747376u
#define FIRST_MS 100u
#define LAST_MS 5000u
#define DOUBLINGS 6u

struct record {
	uint64_t magic, failures;
};

static uint64_t read_failures(const int *fds, size_t n)
{
	uint64_t failures = 0;

	for (size_t i = 0; i < n; i++) {
		struct record r;

		if (pread(fds[i], &r, sizeof(r), 0) == sizeof(r) && r.magic == MAGIC) {
			failures = r.failures;
		} else {
			log_warning("%s: what the service manager has kept is none of ours",
				STARTS_NAME);
		}
		fd_close(fds[i]);
	}
	return failures;
}

static void store(uint64_t failures)
{
	const struct record r = {.magic = MAGIC, .failures = failures};
	CLEANUP_FD int fd = memfd_create("revd-starts", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || fd_write_all(fd, &r, sizeof(r)) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0 ||
		systemd_store(STARTS_NAME, &fd, 1) < 0) {
		log_warning("the number of failures can't be kept: restarts do not slow down");
	}
}

/* Until then, or until it is told to stop. */
static void wait_ms(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGQUIT); /* blocked so far; others end the process */
	if (sigtimedwait(&stop, NULL, &t) == SIGQUIT) {
		exit(EXIT_SUCCESS);
	}
}

static void slow_down(uint64_t failures)
{
	unsigned doublings = failures > DOUBLINGS ? DOUBLINGS : (unsigned)failures - 1;
	unsigned ms = FIRST_MS << doublings;

	ms = ms < LAST_MS ? ms : LAST_MS;
	log_warning("it has ended soon after its start %llu time%s in a row: waiting for %u ms",
		(unsigned long long)failures, failures == 1 ? "" : "s", ms);
	systemd_notify("STATUS=waiting for %u ms, since it has ended soon after its start %llu "
		       "time%s in a row",
		ms, (unsigned long long)failures, failures == 1 ? "" : "s");
	wait_ms(ms);
}

void starts_begin(const int *fds, size_t n)
{
	uint64_t failures = read_failures(fds, n);

	if (!systemd_is_there()) {
		return;
	}
	if (failures > 0) {
		systemd_forget(STARTS_NAME);
	}
	store(failures + 1);
	if (failures > 0) {
		slow_down(failures);
	}
}

void starts_forget(void)
{
	systemd_forget(STARTS_NAME);
}
