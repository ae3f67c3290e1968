/*
 * Attackers who may write to a FIFO beside honest clients: what they write can neither
 * get them the bytes of another client, nor spoil or lose a frame that was written whole.
 * REVD_TEST_THEFT_SECONDS says how long they try.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/scene.h"
#include "common/stage.h"
#include "common/wait.h"
#include "unit/text/samples.h"
#include "util/macro.h"

#define HONEST 3
#define ATTACKERS 3
#define WINDOW 16u /* requests of an honest client under way */
#define USUAL 32u  /* bytes of many a text */
#define SECRET "SECRET"
#define TERCES "TERCES" /* the same in a reply of the service */

/* What all processes share. */
struct tally {
	atomic_uint ready; /* honest clients whose token is known */
	atomic_bool stop;
	char tokens[HONEST][33];
	atomic_ulong answered, wrong, lost;
	atomic_ulong attacks, stolen, looted; /* looted: bytes that attackers have read */
};

static struct tally *tally;

/* The honest ones. */

/* Half of them have the size that attackers reckon with. */
static size_t make_text(char *text, struct samples_random *r, uint64_t id)
{
	size_t k = (size_t)sprintf(text, SECRET "-%llu-", (unsigned long long)id);
	size_t n = samples_below(r, 8) ? samples_below(r, 60) : samples_below(r, 3900);

	n = samples_below(r, 2) ? USUAL - k : n;
	memset(text + k, 'a' + (int)(id % 26), n);
	return k + n;
}

static bool is_right(const struct reply *r, const char *text, size_t n, bool reversed)
{
	if (r->head.code != RV_STATUS_OK || r->n != n) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (r->data[i] != (uint8_t)text[reversed ? n - 1 - i : i]) {
			return false;
		}
	}
	return true;
}

/* False: no more replies come. */
static bool wait_reply(struct client *c)
{
	return client_readable(c) || wait_fd(c->frames.fd, POLLIN, wait_until(WAIT_MS)) > 0;
}

static void one_window(struct client *c, struct samples_random *r, uint64_t base, size_t count)
{
	static char texts[WINDOW][4096];
	static uint8_t buf[8192];
	size_t sizes[WINDOW], left = count;

	for (size_t i = 0; i < count; i++) {
		sizes[i] = make_text(texts[i], r, base + i);
		client_send(c, buf,
			client_build(c, buf, i % 2 ? RV_OP_PING : RV_OP_CALL, 0, base + i, texts[i],
				sizes[i]));
	}
	for (; left > 0 && wait_reply(c); left--) {
		struct reply reply;
		size_t i;

		client_recv(c, &reply);
		i = reply.head.id - base;
		if (reply.frame && i < count && is_right(&reply, texts[i], sizes[i], i % 2 == 0)) {
			sizes[i] = SIZE_MAX; /* no second one is right */
			tally->answered++;
		} else {
			tally->wrong++;
		}
	}
	tally->lost += left;
}

static void be_honest(const struct rig *rig, unsigned i)
{
	struct samples_random r = {1000 + i};
	struct client c;
	uint64_t base = 0;

	client_open(&c, rig, FIFO);
	memcpy(tally->tokens[i], c.token, sizeof c.token);
	tally->ready++;
	do {
		one_window(&c, &r, base, i == 0 ? 1 : WINDOW);
		base += WINDOW;
	} while (!tally->stop);
	client_close(&c);
}

/* The others. */

struct loot {
	char data[1 << 16];
	size_t n; /* bytes of what was read before: something may begin in them */
};

static bool has(const struct loot *l, const char *what)
{
	return memmem(l->data, l->n, what, strlen(what)) != NULL;
}

static void look_for_loot(struct loot *l, int fd)
{
	const size_t keep = 32;
	ssize_t k;

	while ((k = read(fd, l->data + l->n, sizeof l->data - l->n)) > 0) {
		l->n += (size_t)k;
		tally->looted += (size_t)k;
		tally->stolen += has(l, SECRET) || has(l, TERCES);
		for (size_t i = 0; i < HONEST; i++) {
			tally->stolen += has(l, tally->tokens[i]);
		}
		if (l->n > keep) {
			memmove(l->data, l->data + l->n - keep, keep);
			l->n = keep;
		}
	}
}

/* A header with the attacker's own token, for `claim` bytes more than are there. */
static size_t lie(const struct client *c, uint8_t *p, const char *text, size_t n, size_t claim)
{
	size_t k = client_build(c, p, RV_OP_PING, 0, 1, text, n);

	rv_store_le32(p + 4, rv_load_le32(p + 4) + (uint32_t)claim);
	return k;
}

/* Something hostile of ten kinds; returns its size. */
static size_t make_attack(
	const struct client *c, struct samples_random *r, uint32_t kind, uint8_t *p)
{
	static const char marker[] = "xxx\xff\x01\x00\x02";
	size_t n = r ? samples_below(r, 40) : 0, k;

	switch (kind) {
	case 0: /* over the next frame and 8 bytes of what comes here */
		return lie(c, p, "", 0, RV_FRAME_HEADER + 33 + USUAL + 8);
	case 1:
		memset(p, 'j', 8);
		return 8 + client_build(c, p + 8, RV_OP_PING, 0, 2, "own", 3);
	case 2: /* a few bytes into the next header */
		return lie(c, p, "own", 3, 1 + samples_below(r, 20));
	case 3: /* as far as possible */
		return lie(c, p, "", 0, 4096 - 16 - 33 - samples_below(r, 3));
	case 4: /* what may combine with the next bytes */
		k = samples_below(r, 4);
		memcpy(p, marker + k, sizeof(marker) - 1 - k);
		return 1 + samples_below(r, (uint32_t)(sizeof(marker) - 1 - k));
	case 5:
		return client_build(c, p, RV_OP_PING, 0, 3, "own\xff\x01\x00", 3 + 1 + n % 3);
	case 6: /* a line without an end, short or over the limit */
		memset(p, 'l', 4096);
		return samples_below(r, 8) ? n + 1 : 4096;
	case 7:
		memcpy(p, "\xff\x07 torn\0\n", 9);
		return 1 + samples_below(r, 9);
	case 8:
		k = client_build(c, p, RV_OP_PING, 0, 4, "own", 3);
		return 1 + samples_below(r, (uint32_t)k);
	default: /* not atomic */
		memset(p, '\xff', 9000);
		memcpy(p + 4000, "\xff\x01\x00\x02", 4);
		return 4096 + samples_below(r, 4096);
	}
}

static void attack(const struct rig *rig, unsigned i)
{
	static uint8_t p[9216];
	static struct loot replies, lines;
	struct samples_random r = {i + 1};
	struct client c;
	int out;

	client_open(&c, rig, FIFO);
	out = open(c.line_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(out, 0);
	for (uint32_t k = 0; !tally->stop; k++) {
		/* The first one does again and again what needs two writes of one kind each. */
		size_t n = make_attack(&c, &r, i == 0 ? k % 2 : samples_below(&r, 10), p);

		if (client_try_send(&c, p, n) > 0) {
			tally->attacks++;
		} else {
			wait_fd(c.out, POLLOUT, wait_until(10));
		}
		look_for_loot(&replies, c.frames.fd);
		look_for_loot(&lines, out);
	}
	close(out);
	client_close(&c);
}

static pid_t start(const struct rig *rig, void (*run)(const struct rig *, unsigned), unsigned i)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		run(rig, i);
		_exit(0);
	}
	return pid;
}

static unsigned seconds(void)
{
	const char *s = getenv("REVD_TEST_THEFT_SECONDS");

	return s ? (unsigned)strtoul(s, NULL, 10) : 3;
}

START_TEST(nothing_is_stolen_spoilt_or_lost)
{
	pid_t pids[HONEST + ATTACKERS];
	struct scene s;
	int status;

	tally = mmap(
		NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(tally, MAP_FAILED);
	scene_open(&s, FIFO, "");
	for (unsigned i = 0; i < HONEST; i++) {
		pids[i] = start(&s.rig, be_honest, i);
	}
	while (tally->ready < HONEST) {
		client_barrier(&s.client);
	}
	for (unsigned i = 0; i < ATTACKERS; i++) {
		pids[HONEST + i] = start(&s.rig, attack, i);
	}
	poll(NULL, 0, (int)seconds() * 1000); /* an interval in which nothing must happen */
	tally->stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	printf("# %u s: %lu honest requests, %lu attacks, %lu bytes came back to the attackers: "
	       "%lu stolen, %lu wrong, %lu lost\n",
		seconds(), tally->answered, tally->attacks, tally->looted, tally->stolen,
		tally->wrong, tally->lost);
	fflush(stdout);
	ck_assert_uint_eq(tally->stolen, 0);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(tally->lost, 0);
	ck_assert_uint_gt(tally->answered, WINDOW * HONEST);
	ck_assert_uint_gt(tally->attacks, 100);
	ck_assert_int_gt(client_stat(&s.rig, "endpoints.fifo.torn"), 100);
	munmap(tally, sizeof(*tally));
	scene_close(&s);
}
END_TEST

/* The one order of writes that got an attacker what was not its own, with nothing left to
 * chance. */
START_TEST(a_length_that_covers_the_next_frame)
{
	static const char text[] = SECRET "-of-thirty-two-bytes......";
	struct client evil;
	struct reply r;
	struct scene s;
	uint8_t p[128];

	ck_assert_uint_eq(sizeof text - 1, USUAL);
	scene_open(&s, FIFO, "");
	client_open(&evil, &s.rig, FIFO);
	client_barrier(&evil);
	rig_signal(&s.rig, SIGSTOP);
	client_send(&evil, p, make_attack(&evil, NULL, 0, p));
	client_send_frame(&s.client, RV_OP_PING, 0, 7, text, USUAL);
	client_send(&evil, p, make_attack(&evil, NULL, 1, p));
	rig_signal(&s.rig, SIGCONT);
	client_recv_frame(&s.client, &r, 7, RV_STATUS_OK);
	ck_assert_uint_eq(r.n, USUAL);
	ck_assert_mem_eq(r.data, text, USUAL);
	client_recv_frame(&evil, &r, 2, RV_STATUS_OK);
	ck_assert_uint_eq(r.n, 3);
	ck_assert(!client_readable(&evil));
	client_close(&evil);
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("theft");
	TCase *t = stage_tcase("fifo");

	tcase_set_timeout(t, 120 + 2 * seconds());
	tcase_add_test(t, a_length_that_covers_the_next_frame);
	tcase_add_test(t, nothing_is_stolen_spoilt_or_lost);
	suite_add_tcase(s, t);
	return stage_run(s);
}
