#include "revc/patience.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/fd.h"

#define FIRST_NS 400000000u /* after so long it says that it waits */
#define AGAIN_NS 1000000000u

static sigset_t interrupt(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	return set;
}

static int watch(const struct patience *p, int fd)
{
	struct epoll_event e = {.events = EPOLLIN};

	return fd < 0 || epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int patience_init(struct patience *p, const char *for_what)
{
	sigset_t set = interrupt();
	int r;

	*p = (struct patience){
		.fd = epoll_create1(EPOLL_CLOEXEC),
		.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
		.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
		.for_what = for_what,
	};
	sigprocmask(SIG_BLOCK, &set, NULL);
	r = watch(p, p->signal_fd);
	r = r < 0 ? r : watch(p, p->timer_fd);
	if (r < 0) {
		patience_finish(p);
	}
	return r;
}

void patience_finish(struct patience *p)
{
	sigset_t set = interrupt();

	sigprocmask(SIG_UNBLOCK, &set, NULL);
	fd_close(p->fd);
	fd_close(p->signal_fd);
	fd_close(p->timer_fd);
}

void patience_begin(struct patience *p)
{
	const struct itimerspec it = {
		.it_value = clock_span(FIRST_NS), .it_interval = clock_span(AGAIN_NS)};

	struct signalfd_siginfo info;

	/* One that was typed before is none for this reply. */
	(void)!read(p->signal_fd, &info, sizeof(info));
	p->ended = false;
	p->since_ns = clock_now();
	progress_init(&p->progress, true, FIRST_NS);
	timerfd_settime(p->timer_fd, 0, &it, NULL);
}

void patience_end(struct patience *p)
{
	const struct itimerspec never = {0};

	timerfd_settime(p->timer_fd, 0, &never, NULL);
	progress_clear(&p->progress);
}

bool patience_look(struct patience *p)
{
	struct signalfd_siginfo info;
	uint64_t ticks;

	if (read(p->signal_fd, &info, sizeof(info)) > 0) {
		p->ended = true;
	} else if (read(p->timer_fd, &ticks, sizeof(ticks)) > 0) {
		progress_show(&p->progress, "waiting for %s, %.0f s (^C: no longer) ", p->for_what,
			(double)(clock_now() - p->since_ns) / 1e9);
	}
	return p->ended;
}

int patience_sleep(void *patience, uint64_t ns)
{
	struct patience *p = patience;
	uint64_t deadline = clock_now() + ns;

	do {
		const struct timespec left = clock_until(deadline);
		struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

		if (ppoll(&pfd, 1, &left, NULL) > 0 && patience_look(p)) {
			return -ECANCELED;
		}
	} while (clock_now() < deadline);
	return 0;
}
