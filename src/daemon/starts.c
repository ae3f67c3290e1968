#include "daemon/starts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "daemon/systemd.h"
#include "util/fd.h"
#include "util/log.h"

#define MAGIC 0x3273747261747376u
#define FIRST_MS 100u
#define LAST_MS 5000u
#define DOUBLINGS 6u

struct record {
	uint64_t magic;
	struct starts starts;
};

static void recall(struct starts *s, const int *fds, size_t n)
{
	*s = (struct starts){0};
	for (size_t i = 0; i < n; i++) {
		struct record r;

		if (pread(fds[i], &r, sizeof(r), 0) == sizeof(r) && r.magic == MAGIC) {
			*s = r.starts;
			s->why[sizeof(s->why) - 1] = '\0';
		} else {
			log_warning("%s: what the service manager has kept is none of ours",
				STARTS_NAME);
		}
		fd_close(fds[i]);
	}
}

/* In place of what it has. */
static void store(const struct starts *s)
{
	const struct record r = {.magic = MAGIC, .starts = *s};
	CLEANUP_FD int fd = memfd_create("revd-starts", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	systemd_forget(STARTS_NAME);
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
	sigaddset(&stop, SIGQUIT); /* blocked so far */
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	if (sigtimedwait(&stop, NULL, &t) > 0) {
		exit(EXIT_SUCCESS);
	}
}

static void slow_down(const struct starts *s)
{
	unsigned doublings = s->failures > DOUBLINGS ? DOUBLINGS : (unsigned)s->failures - 1;
	unsigned ms = FIRST_MS << doublings;
	char text[sizeof(s->why) + 128];

	ms = ms < LAST_MS ? ms : LAST_MS;
	snprintf(text, sizeof(text),
		"waiting for %u ms, since it has ended soon after its start %llu time%s in a "
		"row%s%s",
		ms, (unsigned long long)s->failures, s->failures == 1 ? "" : "s",
		*s->why ? "; why: " : "", s->why);
	log_warning("%s", text);
	systemd_notify("STATUS=%s", text);
	wait_ms(ms);
}

void starts_begin(struct starts *s, const int *fds, size_t n)
{
	struct starts now;

	recall(s, fds, n);
	if (!systemd_is_there()) {
		return;
	}
	now = (struct starts){.failures = s->failures + 1}; /* it may die without a sentence */
	store(&now);
	if (s->failures > 0) {
		slow_down(s);
	}
	*s = now;
}

void starts_failed(const struct starts *s, const char *why)
{
	struct starts now = *s;

	if (!systemd_is_there()) {
		return;
	}
	systemd_notify("STATUS=%s", why);
	snprintf(now.why, sizeof(now.why), "%s", why);
	store(&now);
}

void starts_forget(void)
{
	systemd_forget(STARTS_NAME);
}
