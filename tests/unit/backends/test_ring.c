/* The ring of <revd/shm.h>: bytes come out as they went in, nothing is believed of the
 * other side, and nobody oversleeps. */
#include <poll.h>
#include <pthread.h>
#include <revd/shm.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include "common/runner.h"

#define SIZE RV_SHM_SIZE_MIN

static void *memory;
static struct rv_ring reader, writer;

static void setup(void)
{
	memory = calloc(1, rv_shm_bytes(SIZE));
	ck_assert_ptr_nonnull(memory);
	rv_shm_ring(&reader, memory, SIZE, true);
	rv_shm_ring(&writer, memory, SIZE, true);
}

static void teardown(void)
{
	free(memory);
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

static void start_at(uint32_t at)
{
	reader.at = writer.at = reader.shared->written = reader.shared->read = at;
}

/* Pieces of all sizes, over the end of the ring and over 2^32. */
START_TEST(what_goes_in_comes_out)
{
	uint64_t in = 0, out = 0;
	uint8_t buf[SIZE];

	start_at(UINT32_MAX - 3 * SIZE);
	for (size_t n = 0; out < 64 * SIZE; n = (n * 7 + 13) % (SIZE + 1)) {
		size_t k = (size_t)rv_ring_free(&writer) < n ? (size_t)rv_ring_free(&writer) : n;

		for (size_t i = 0; i < k; i++) {
			buf[i] = byte_at(in++);
		}
		rv_ring_put(&writer, buf, k);
		ck_assert_int_eq(rv_ring_filled(&reader), (ssize_t)(in - out));
		ck_assert_int_eq(rv_ring_free(&writer), (ssize_t)(SIZE - (in - out)));
		k = (size_t)rv_ring_filled(&reader) / 2 + 1 <= in - out
			    ? (size_t)rv_ring_filled(&reader) / 2 + 1
			    : (size_t)(in - out);
		rv_ring_get(&reader, buf, k);
		for (size_t i = 0; i < k; i++) {
			ck_assert_uint_eq(buf[i], byte_at(out++));
		}
	}
}
END_TEST

START_TEST(full_and_empty)
{
	uint8_t buf[SIZE] = {0};

	ck_assert_int_eq(rv_ring_filled(&reader), 0);
	ck_assert(rv_ring_may_go_on(&writer));
	rv_ring_put(&writer, buf, SIZE);
	ck_assert_int_eq(rv_ring_free(&writer), 0);
	ck_assert_int_eq(rv_ring_filled(&reader), SIZE);
	ck_assert(!rv_ring_may_go_on(&writer));
	rv_ring_get(&reader, buf, SIZE / 2 - 1);
	ck_assert(!rv_ring_may_go_on(&writer));
	rv_ring_get(&reader, buf, 1);
	ck_assert(rv_ring_may_go_on(&writer));
}
END_TEST

/* Positions that go back, or too far, are none. */
START_TEST(what_can_not_be)
{
	start_at(5);
	reader.shared->written = 4;
	ck_assert_int_eq(rv_ring_filled(&reader), -EPROTO);
	reader.shared->written = 5 + SIZE + 1;
	ck_assert_int_eq(rv_ring_filled(&reader), -EPROTO);
	reader.shared->written = 5 + SIZE;
	ck_assert_int_eq(rv_ring_filled(&reader), SIZE);
	writer.shared->read = 6;
	ck_assert_int_eq(rv_ring_free(&writer), -EPROTO);
	ck_assert(rv_ring_may_go_on(&writer)); /* to find that out */
	writer.shared->read = 5 - SIZE - 1;
	ck_assert_int_eq(rv_ring_free(&writer), -EPROTO);
}
END_TEST

START_TEST(who_asks_is_woken_once)
{
	uint8_t buf[SIZE] = {0};

	rv_ring_put(&writer, buf, 10);
	ck_assert_uint_eq(rv_ring_wake_reader(&writer), RV_RING_AWAKE);
	rv_ring_want(&reader.shared->reader_waits, RV_RING_BY_FUTEX);
	ck_assert_uint_eq(rv_ring_wake_reader(&writer), RV_RING_BY_FUTEX);
	ck_assert_uint_eq(rv_ring_wake_reader(&writer), RV_RING_AWAKE);
	rv_ring_put(&writer, buf, SIZE - 10);
	rv_ring_want(&writer.shared->writer_waits, RV_RING_BY_FD);
	rv_ring_get(&reader, buf, SIZE / 2 - 1);
	ck_assert_uint_eq(rv_ring_wake_writer(&reader), RV_RING_AWAKE); /* not worth it */
	rv_ring_get(&reader, buf, 1);
	ck_assert_uint_eq(rv_ring_wake_writer(&reader), RV_RING_BY_FD);
	ck_assert_int_eq(rv_ring_futex_wait(&reader.shared->reader_waits, NULL), -EAGAIN);
}
END_TEST

/* Two threads that sleep whenever there is nothing to do: one wake-up that is lost, and
 * this never ends. */
#define ROUNDS (1u << 20) /* bytes */

struct side {
	enum rv_ring_waits how;
	int fd; /* wakes it */
};

static struct side reading, writing;

static void wake(const struct side *s, uint32_t *waits, uint32_t how)
{
	const uint64_t one = 1;

	if (how == RV_RING_BY_FUTEX) {
		rv_ring_futex_wake(waits);
	} else if (how == RV_RING_BY_FD) {
		ck_assert_int_eq(write(s->fd, &one, sizeof(one)), sizeof(one));
	}
}

static void sleep_on(const struct side *s, uint32_t *waits)
{
	uint64_t n;

	if (s->how == RV_RING_BY_FUTEX) {
		(void)rv_ring_futex_wait(waits, NULL);
	} else {
		ck_assert_int_eq(read(s->fd, &n, sizeof(n)), sizeof(n));
	}
}

static void *write_all(void *arg)
{
	uint64_t in = 0;
	uint8_t buf[97];

	(void)arg;
	while (in < ROUNDS) {
		uint32_t *waits = &writer.shared->writer_waits;
		ssize_t room = rv_ring_free(&writer);
		size_t n = (size_t)room < sizeof(buf) ? (size_t)room : sizeof(buf);

		if (n == 0) {
			rv_ring_want(waits, writing.how);
			if (!rv_ring_may_go_on(&writer)) {
				sleep_on(&writing, waits);
			}
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			buf[i] = byte_at(in++);
		}
		rv_ring_put(&writer, buf, n);
		wake(&reading, &writer.shared->reader_waits, rv_ring_wake_reader(&writer));
	}
	return NULL;
}

static void read_all(void)
{
	uint64_t out = 0;
	uint8_t buf[1024];

	while (out < ROUNDS) {
		uint32_t *waits = &reader.shared->reader_waits;
		ssize_t n = rv_ring_filled(&reader);

		if (n == 0) {
			rv_ring_want(waits, reading.how);
			if (rv_ring_filled(&reader) == 0) {
				sleep_on(&reading, waits);
			}
			continue;
		}
		n = n < (ssize_t)sizeof(buf) ? n : (ssize_t)sizeof(buf);
		rv_ring_get(&reader, buf, (size_t)n);
		for (ssize_t i = 0; i < n; i++) {
			ck_assert_uint_eq(buf[i], byte_at(out++));
		}
		wake(&writing, &reader.shared->writer_waits, rv_ring_wake_writer(&reader));
	}
}

START_TEST(nobody_oversleeps)
{
	pthread_t thread;

	reading = (struct side){_i & 1 ? RV_RING_BY_FUTEX : RV_RING_BY_FD, eventfd(0, EFD_CLOEXEC)};
	writing = (struct side){_i & 2 ? RV_RING_BY_FUTEX : RV_RING_BY_FD, eventfd(0, EFD_CLOEXEC)};
	ck_assert_int_eq(pthread_create(&thread, NULL, write_all, NULL), 0);
	read_all();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	close(reading.fd);
	close(writing.fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backends/ring");
	TCase *tc = tcase_create("ring");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_goes_in_comes_out);
	tcase_add_test(tc, full_and_empty);
	tcase_add_test(tc, what_can_not_be);
	tcase_add_test(tc, who_asks_is_woken_once);
	tcase_add_loop_test(tc, nobody_oversleeps, 0, 4);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
