/*
 * Feeds a program, or the daemon, for a while, and says how fast that went.
 *
 *	feed pty|stdbuf|pipe SECONDS COMMAND...   lines through a program: bytes a second
 *	feed lines|frames SECONDS SOCKET          pipelined through the daemon: likewise
 *	feed trips SECONDS SOCKET                 one in flight: requests a second, p99 in us
 *	feed connects SECONDS SOCKET              a connection for each: requests a second
 *	feed provoke SECONDS SOCKET               twenty requests a second, answered or not
 *
 * An answer that is an error ends it with exit status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <revd/wire.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/macro.h"

#define TEXT 63u
#define BLOB_LINES 1024u
#define TRIPS ((size_t)1 << 20)

static const char text[] = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0\n";

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "feed: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Where it goes in and comes out. */
struct way {
	int in, out;
	bool frames;
	uint8_t blob[BLOB_LINES * (RV_FRAME_HEADER + TEXT + 1)];
	size_t n, at;
	size_t got; /* bytes that came out */
};

static void fill(struct way *w)
{
	for (unsigned i = 0; i < BLOB_LINES; i++) {
		if (w->frames) {
			const struct rv_frame f = {.version = 1, .length = TEXT, .id = i};

			rv_frame_store(w->blob + w->n, &f);
			w->n += RV_FRAME_HEADER;
		}
		memcpy(w->blob + w->n, text, TEXT + 1);
		w->n += TEXT + !w->frames;
	}
}

static void check(const struct way *w, const uint8_t *p, size_t n)
{
	size_t unit = RV_FRAME_HEADER + TEXT, off = w->got % unit;

	if (!w->frames) {
		if (memchr(p, RV_NAK, n)) {
			errno = 0;
			die("an error was answered");
		}
		return;
	}
	for (size_t i = off <= 2 ? 2 - off : unit + 2 - off; i < n; i += unit) {
		if (p[i] != RV_STATUS_OK) {
			errno = 0;
			die("an error was answered");
		}
	}
}

static void put(struct way *w)
{
	ssize_t k = write(w->in, w->blob + w->at, w->n - w->at);

	if (k < 0 && errno != EAGAIN) {
		die("write");
	}
	w->at = k > 0 ? (w->at + (size_t)k) % w->n : w->at;
}

static void get(struct way *w)
{
	static uint8_t buf[1 << 18];
	ssize_t k = read(w->out, buf, sizeof(buf));

	if (k == 0 || (k < 0 && errno != EAGAIN)) {
		die("read");
	}
	if (k > 0) {
		check(w, buf, (size_t)k);
		w->got += (size_t)k;
	}
}

/* What comes first is not measured: it is the start of the program. */
static double pump(struct way *w, double seconds)
{
	uint64_t begin = 0, now;
	size_t before = 0;

	fcntl(w->in, F_SETFL, O_NONBLOCK);
	fcntl(w->out, F_SETFL, O_NONBLOCK);
	fill(w);
	do {
		struct pollfd p[2] = {{w->out, POLLIN, 0}, {w->in, POLLOUT, 0}};

		if (poll(p, 2, 10000) <= 0) {
			die("nothing happens");
		}
		if (p[0].revents) {
			get(w);
		}
		if (p[1].revents & POLLOUT) {
			put(w);
		}
		now = clock_now();
		if (!begin && w->got > 0) {
			begin = now;
			before = w->got;
		}
	} while (!begin || now - begin < (uint64_t)(seconds * 1e9));
	return (double)(w->got - before) * 1e9 / (double)(now - begin);
}

static pid_t run(struct way *w, const char *way, char **argv)
{
	int in[2], out[2], master, slave;
	struct termios t;
	pid_t pid;

	if (strcmp(way, "pty") == 0) {
		if (openpty(&master, &slave, NULL, NULL, NULL) < 0) {
			die("openpty");
		}
		tcgetattr(slave, &t);
		cfmakeraw(&t);
		tcsetattr(slave, TCSANOW, &t);
		in[0] = out[1] = slave;
		in[1] = out[0] = master;
	} else if (pipe(in) < 0 || pipe(out) < 0) {
		die("pipe");
	}
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		closefrom(3);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	w->in = in[1];
	w->out = out[0];
	return pid;
}

static int open_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		die(path);
	}
	return fd;
}

/* poll() first: a client that blocks in read() costs a wake-up more. */
static ssize_t ask(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	char buf[256];
	ssize_t k;

	if (send(fd, "hola\n", 5, MSG_NOSIGNAL) != 5 || poll(&p, 1, ms) <= 0) {
		return -1;
	}
	k = read(fd, buf, sizeof(buf));
	if (k > 0 && buf[0] == RV_NAK) {
		errno = 0;
		return -1;
	}
	return k;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void trips(double seconds, const char *path)
{
	uint32_t *took = malloc(TRIPS * sizeof(*took));
	int fd = open_socket(path);
	uint64_t begin, end, now;
	size_t n = 0;

	if (!took || ask(fd, 10000) <= 0) {
		die("the first answer");
	}
	begin = now = clock_now();
	end = begin + (uint64_t)(seconds * 1e9);
	while (now < end && n < TRIPS) {
		uint64_t before = now;

		if (ask(fd, 10000) <= 0) {
			die("an answer");
		}
		now = clock_now();
		took[n++] = (uint32_t)(now - before);
	}
	qsort(took, n, sizeof(*took), compare);
	printf("%f %f\n", (double)n * 1e9 / (double)(now - begin), took[n * 99 / 100] / 1e3);
	free(took);
}

static void connects(double seconds, const char *path)
{
	uint64_t begin = clock_now(), end = begin + (uint64_t)(seconds * 1e9);
	size_t n = 0;

	for (; clock_now() < end; n++) {
		int fd = open_socket(path);
		char buf[256];

		if (send(fd, "hola\n", 5, 0) != 5 || shutdown(fd, SHUT_WR) < 0 ||
			read(fd, buf, sizeof(buf)) != 5) {
			die("an answer");
		}
		close(fd);
	}
	printf("%f\n", (double)n * 1e9 / (double)(clock_now() - begin));
}

static void provoke(double seconds, const char *path)
{
	uint64_t end = clock_now() + (uint64_t)(seconds * 1e9);

	while (clock_now() < end) {
		int fd = open_socket(path);

		(void)ask(fd, 50);
		(void)poll(NULL, 0, 50);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	static struct way w;
	double seconds = argc > 3 ? atof(argv[2]) : 0;
	const char *what = argc > 3 ? argv[1] : "";

	if (strcmp(what, "lines") == 0 || strcmp(what, "frames") == 0) {
		w.frames = what[0] == 'f';
		w.in = w.out = open_socket(argv[3]);
		printf("%f\n", pump(&w, seconds));
	} else if (strcmp(what, "trips") == 0) {
		trips(seconds, argv[3]);
	} else if (strcmp(what, "connects") == 0) {
		connects(seconds, argv[3]);
	} else if (strcmp(what, "provoke") == 0) {
		provoke(seconds, argv[3]);
	} else if (seconds > 0) {
		pid_t pid = run(&w, what, argv + 3);

		printf("%f\n", pump(&w, seconds));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	} else {
		fputs("usage: feed WAY SECONDS WHAT...\n", stderr);
		return 64;
	}
	return 0;
}
