#include "common/wait.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include "util/clock.h"

unsigned wait_patience(void)
{
	const char *s = getenv("REVD_TEST_PATIENCE");
	unsigned long n = s ? strtoul(s, NULL, 10) : 1;

	return n > 0 && n < 1000 ? (unsigned)n : 1;
}

uint64_t wait_until(unsigned ms)
{
	return clock_now() + (uint64_t)ms * wait_patience() * 1000000u;
}

int wait_left(uint64_t until)
{
	uint64_t now = clock_now();
	uint64_t ms;

	if (now >= until) {
		return 0;
	}
	ms = (until - now) / 1000000u + 1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

short wait_fd(int fd, short events, uint64_t until)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do {
		n = poll(&p, 1, wait_left(until));
	} while (n < 0 && errno == EINTR);
	return n > 0 ? p.revents : 0;
}
