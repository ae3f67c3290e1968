#include "nats/link_work.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#define ANSWER_MS 10000 /* for a sign of life */
#define GOODBYE_MS 1000 /* for what is unsent when we leave */
#define MOST_MS 5000u   /* between later tries to connect */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool is_closed(const struct nats_link *l)
{
	return __atomic_load_n(&l->closed, __ATOMIC_ACQUIRE);
}

/* Each waits twice as long as the one before, less a random part: all who lost a broker at
 * once are not to come back at once. */
static uint64_t next_wait(struct nats_link *l)
{
	unsigned most = l->wait, r = 0;

	l->wait = most * 2 < MOST_MS ? most * 2 : MOST_MS;
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) < 0) {
		r = (unsigned)now_ms();
	}
	return most / 2 + r % (most / 2 + 1);
}

static void connect_now(struct nats_link *l)
{
	natsConnection *nc = NULL;
	const char *why;
	natsStatus s;

	l->connect = false;
	if (l->made_at && now_ms() - l->made_at > MOST_MS) {
		l->wait = NATS_LINK_FIRST_MS; /* the last one was of use */
	}
	l->made_at = 0;
	pthread_mutex_unlock(&l->lock);
	s = natsConnection_Connect(&nc, l->opts);
	why = s == NATS_OK ? NULL : nats_GetLastError(NULL);
	pthread_mutex_lock(&l->lock);
	l->not_before = now_ms() + next_wait(l);
	if (s == NATS_OK) {
		l->made = nc;
		l->made_at = now_ms();
		nats_link_tell(l, NATS_LINK_UP, NULL);
	} else {
		l->connect = true;
		nats_link_tell(l, NATS_LINK_DOWN, why && *why ? why : natsStatus_GetText(s));
	}
}

static void ask_now(struct nats_link *l)
{
	natsConnection *nc = l->ask;
	natsStatus s;

	l->ask = NULL;
	pthread_mutex_unlock(&l->lock);
	s = natsConnection_FlushTimeout(nc, ANSWER_MS);
	pthread_mutex_lock(&l->lock);
	nats_link_tell(l, s == NATS_OK ? NATS_LINK_ANSWER : NATS_LINK_SILENCE, NULL);
}

static bool wait_socket(const struct nats_link *l, short events, uint64_t until)
{
	struct pollfd p = {.fd = l->fd, .events = events};
	uint64_t now = now_ms();

	return now < until && poll(&p, 1, (int)(until - now)) > 0;
}

/* Closing a socket with something unread in it takes back what the other side has not read
 * yet: so it is told that nothing more comes, and read until it closes, too. */
static void say_goodbye(struct nats_link *l, natsConnection *nc)
{
	uint64_t until = now_ms() + GOODBYE_MS;
	char unread[4096];
	ssize_t n = 1;

	while (!is_closed(l) && natsConnection_Buffered(nc) > 0 && wait_socket(l, POLLOUT, until)) {
		natsConnection_ProcessWriteEvent(nc);
	}
	if (is_closed(l)) {
		return;
	}
	shutdown(l->fd, SHUT_WR);
	while (n > 0 && wait_socket(l, POLLIN, until)) {
		n = recv(l->fd, unread, sizeof(unread), MSG_DONTWAIT);
	}
}

/* Nobody else uses the connection any more. */
static void drop_now(struct nats_link *l)
{
	natsConnection *nc = l->drop;

	l->drop = NULL;
	pthread_mutex_unlock(&l->lock);
	say_goodbye(l, nc);
	natsConnection_Destroy(nc);
	pthread_mutex_lock(&l->lock);
	fd_close_p(&l->fd);
}

static void wait_for_wish(struct nats_link *l)
{
	uint64_t ms = l->not_before;
	const struct timespec at = {
		.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	if (l->connect) {
		pthread_cond_timedwait(&l->wish, &l->lock, &at);
	} else {
		pthread_cond_wait(&l->wish, &l->lock);
	}
}

void nats_link_work(struct nats_link *l)
{
	for (;;) {
		if (l->drop) {
			drop_now(l);
		} else if (l->made && l->leave) { /* nobody wants it any more */
			l->drop = l->made;
			l->made = NULL;
		} else if (l->leave) {
			return;
		} else if (l->ask) {
			ask_now(l);
		} else if (l->connect && now_ms() >= l->not_before) {
			connect_now(l);
		} else {
			wait_for_wish(l);
		}
	}
}
