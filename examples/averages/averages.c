/*
 * Shared memory without locks: the mean marks of courses, each computed by a process of
 * its own, which writes its result into its own slot of memory that all of them share.
 *
 *	averages [--jobs N] [--seed N] [FILE...]
 *
 * A FILE holds the marks of one course: numbers with spaces, commas or ends of lines
 * between them. Without any there are four courses of 30 marks from 1 to 7, drawn by
 * lot; --seed draws others. --jobs is how many processes there may be at once, 0 (the
 * default) one for each course. Standard output has a line for each course, in order:
 *
 *	course 1: 4.53
 *	course 2: killed by signal 9
 *
 * Exit status: 0, 1 if a course has no mean, 64 for wrong usage.
 *
 * Why no locks: a slot has one writer, and the parent reads it only after wait() said
 * that the writer has ended, which is all the order that memory needs here. A worker
 * that died half-way has written nothing that anybody would read. The slots lie on cache
 * lines of their own, so that no worker slows down another by writing beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "util/decimal.h"
#include "util/mean.h"
#include "util/num.h"

#define CACHE_LINE 64
#define DRAWN_COURSES 4
#define DRAWN_MARKS 30

struct slot {
	alignas(CACHE_LINE) double mean;
	char problem[MEAN_SENTENCE]; /* "": none */
};

struct course {
	pid_t pid;
	int status; /* as of waitpid() */
	int error;  /* why there was no process for it */
};

struct job {
	char **files; /* NULL: draw */
	size_t n, at_once;
	uint64_t seed;
	struct slot *slots;     /* shared with the workers */
	struct course *courses; /* the parent's own */
};

/* ---- What a worker does ---- */

/* The whole file, of n bytes; NULL and errno. A file may be a pipe: its size says nothing. */
static char *read_all(int fd, size_t *n)
{
	char *text = NULL, *larger;
	size_t room = 0;
	ssize_t got = 1;
	struct stat st;

	*n = 0;
	while (got > 0) {
		if (*n == room) {
			room = room == 0 && fstat(fd, &st) == 0 ? (size_t)st.st_size + 4096
								: 2 * room;
			larger = realloc(text, room);
			if (!larger) {
				break;
			}
			text = larger;
		}
		got = read(fd, text + *n, room - *n);
		*n += got > 0 ? (size_t)got : 0;
	}
	if (got != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void read_course(const char *file, struct slot *slot)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct mean_error err;
	char *text;
	size_t n;

	text = fd < 0 ? NULL : read_all(fd, &n);
	if (!text) {
		snprintf(slot->problem, sizeof(slot->problem), "%s", strerror(errno));
	} else if (mean_of_list(text, n, &slot->mean, &err) < 0) {
		mean_sentence(&err, slot->problem);
	}
}

/* Marks from 1 to 7. The generator is Knuth's, the same on every machine. */
static void draw_course(uint64_t seed, struct slot *slot)
{
	struct mean mean = {0};

	for (int i = 0; i < DRAWN_MARKS; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		mean_add(&mean, (double)(1 + (seed >> 33) % 7));
	}
	slot->mean = mean_value(&mean);
}

_Noreturn static void work(const struct job *job, size_t i)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read the result */
	if (job->files) {
		read_course(job->files[i], &job->slots[i]);
	} else {
		draw_course(job->seed * DRAWN_COURSES + i, &job->slots[i]);
	}
	_exit(EXIT_SUCCESS);
}

/* ---- What the parent does ---- */

static bool start(struct job *job, size_t i)
{
	pid_t pid = fork();

	if (pid == 0) {
		work(job, i);
	}
	job->courses[i].pid = pid;
	job->courses[i].error = pid < 0 ? errno : 0;
	return pid > 0;
}

/* Whichever worker ends first, however it ends. */
static void reap(struct job *job)
{
	int status;
	pid_t pid = wait(&status);

	for (size_t i = 0; i < job->n; i++) {
		if (job->courses[i].pid == pid) {
			job->courses[i].status = status;
		}
	}
}

static void run(struct job *job)
{
	size_t running = 0;

	for (size_t i = 0; i < job->n; i++) {
		if (running == job->at_once) {
			reap(job);
			running--;
		}
		running += start(job, i);
	}
	for (; running > 0; running--) {
		reap(job);
	}
}

/* Prints its line; false: there is no mean. */
static bool print_course(const struct job *job, size_t i)
{
	const struct course *c = &job->courses[i];
	const struct slot *slot = &job->slots[i];
	char text[DECIMAL_TEXT];

	printf("course %zu: ", i + 1);
	if (c->error != 0) {
		printf("no process: %s\n", strerror(c->error));
	} else if (WIFSIGNALED(c->status)) {
		printf("killed by signal %d\n", WTERMSIG(c->status));
	} else if (WEXITSTATUS(c->status) != 0) {
		printf("ended with status %d\n", WEXITSTATUS(c->status));
	} else if (slot->problem[0] != '\0') {
		printf("%s: %s\n", job->files[i], slot->problem);
	} else {
		printf("%s\n", decimal_format(slot->mean, 2, text));
		return true;
	}
	return false;
}

static int fail(const char *what)
{
	fprintf(stderr, "averages: %s: %s\n", what, strerror(errno));
	return EXIT_FAILURE;
}

static int average(struct job *job)
{
	size_t size = job->n * sizeof(struct slot);
	int status = EXIT_SUCCESS;

	job->slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job->slots == MAP_FAILED) {
		return fail("shared memory");
	}
	job->courses = calloc(job->n, sizeof(struct course));
	if (!job->courses) {
		return fail("courses");
	}
	run(job);
	for (size_t i = 0; i < job->n; i++) {
		if (!print_course(job, i)) {
			status = EXIT_FAILURE;
		}
	}
	free(job->courses);
	return fflush(stdout) == 0 ? status : fail("standard output");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},
		{"seed", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	struct job job = {.seed = 1};
	uint64_t jobs = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		uint64_t *value = c == 'j' ? &jobs : &job.seed;

		if (c == '?' || num_parse_uint(optarg, value) < 0) {
			fputs("usage: averages [--jobs N] [--seed N] [FILE...]\n", stderr);
			return EX_USAGE;
		}
	}
	job.files = optind < argc ? argv + optind : NULL;
	job.n = job.files ? (size_t)(argc - optind) : DRAWN_COURSES;
	job.at_once = jobs > 0 ? jobs : job.n;
	return average(&job);
}
