#include "nats/link.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#define STACK ((size_t)256 << 10) /* names and TLS need some */
#define ANSWER_MS 10000           /* for a sign of life */
#define GOODBYE_MS 1000           /* for what is unsent when we leave */
#define FIRST_MS 100u             /* between the first tries to connect */
#define MOST_MS 5000u             /* and between later ones */

struct nats_link {
	struct nats_link *next; /* of all, under their lock */
	uintptr_t id;
	pthread_mutex_t lock;
	pthread_cond_t wish;
	pthread_t worker;
	unsigned refs;
	natsOptions *opts;
	const struct rv_host *host;
	struct rv_instance *handle; /* NULL: the instance has let go */
	void (*fn)(void *in, const struct nats_link_news *);
	struct nats_link_news news; /* not told yet */

	/* What the thread is to do. */
	bool connect, leave;
	natsConnection *ask, *drop;
	uint64_t not_before, made_at; /* to connect; when one was made last, ms */
	unsigned wait;                /* after the next one, ms */

	natsConnection *made; /* not taken yet */
	int fd;
	bool closed; /* atomic: the library is done with the connection */
};

/* The library calls about errors whenever it gets to it, even after the end of a
 * connection. So it knows a link by number alone. */
static pthread_mutex_t links_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t links_fewer = PTHREAD_COND_INITIALIZER;
static struct nats_link *links;
static uintptr_t last_id;

/* Threads that run, and those that have ended and are to be joined: what a thread has in
 * the libraries below is given back only in its very end. */
struct link_thread {
	struct link_thread *next;
	struct nats_link *link;
	pthread_t id;
};
static struct link_thread *ended;
static unsigned n_threads;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void enlist(struct nats_link *l)
{
	pthread_mutex_lock(&links_lock);
	l->id = ++last_id;
	l->next = links;
	links = l;
	pthread_mutex_unlock(&links_lock);
}

static void delist(const struct nats_link *l)
{
	struct nats_link **at = &links;

	pthread_mutex_lock(&links_lock);
	while (*at != l) {
		at = &(*at)->next;
	}
	*at = l->next;
	pthread_mutex_unlock(&links_lock);
}

/* The lock is held; it is free afterwards. */
static void unref(struct nats_link *l)
{
	bool last = --l->refs == 0;

	pthread_mutex_unlock(&l->lock);
	if (last) {
		delist(l);
		natsOptions_Destroy(l->opts);
		fd_close_p(&l->fd);
		pthread_cond_destroy(&l->wish);
		pthread_mutex_destroy(&l->lock);
		free(l);
	}
}

/* Telling the worker. */

static void deliver(void *in, void *arg)
{
	struct nats_link *l = arg;
	struct nats_link_news news;
	bool told;

	pthread_mutex_lock(&l->lock);
	news = l->news;
	l->news = (struct nats_link_news){0};
	told = in && l->handle;
	unref(l);
	if (told) {
		l->fn(in, &news); /* the instance still holds the link */
	}
}

/* The lock is held. why: NULL keeps what was said before. */
static void tell(struct nats_link *l, unsigned event, const char *why)
{
	bool first = !l->news.events;

	if (!l->handle) {
		return;
	}
	if (first && l->host->post(l->handle, deliver, l) < 0) {
		return; /* no memory: the next news tries again */
	}
	l->refs += first;
	l->news.events |= event;
	if (why) {
		snprintf(l->news.why, sizeof(l->news.why), "%s", why);
	}
}

static void tell_locked(struct nats_link *l, unsigned event, const char *why)
{
	pthread_mutex_lock(&l->lock);
	tell(l, event, why);
	pthread_mutex_unlock(&l->lock);
}

/* What the library calls. */

/* In our thread, with the connection. */
static natsStatus on_attach(void **ret, void *loop, natsConnection *nc, natsSock fd)
{
	struct nats_link *l = loop;

	(void)nc;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fd_close_p(&l->fd);
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	__atomic_store_n(&l->closed, false, __ATOMIC_RELEASE);
	*ret = l;
	return l->fd < 0 ? NATS_ERR : NATS_OK;
}

static natsStatus on_read(void *data, bool add)
{
	struct nats_link *l = data;

	if (!add) {
		__atomic_store_n(&l->closed, true, __ATOMIC_RELEASE);
	}
	return NATS_OK;
}

/* The worker writes after all that it does. */
static natsStatus on_write(void *data, bool add)
{
	struct nats_link *l = data;

	if (add && !pthread_equal(pthread_self(), l->worker)) {
		tell_locked(l, NATS_LINK_WRITE, NULL);
	}
	return NATS_OK;
}

static natsStatus on_detach(void *data)
{
	return on_read(data, false);
}

/* In a thread of the library. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *id)
{
	const char *why = NULL;

	(void)sub;
	if (natsConnection_GetLastError(nc, &why) == NATS_OK || !why || !*why) {
		why = natsStatus_GetText(status);
	}
	pthread_mutex_lock(&links_lock);
	for (struct nats_link *l = links; l; l = l->next) {
		if (l->id == (uintptr_t)id) {
			tell_locked(l, NATS_LINK_ERROR, why);
		}
	}
	pthread_mutex_unlock(&links_lock);
}

static natsStatus set_callbacks(struct nats_link *l)
{
	natsStatus s =
		natsOptions_SetEventLoop(l->opts, l, on_attach, on_read, on_write, on_detach);

	return s == NATS_OK ? natsOptions_SetErrorHandler(l->opts, on_error, (void *)l->id) : s;
}

/* The thread. The lock is held between the steps, and not while they block. */

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
		l->wait = FIRST_MS; /* the last one was of use */
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
		tell(l, NATS_LINK_UP, NULL);
	} else {
		l->connect = true;
		tell(l, NATS_LINK_DOWN, why && *why ? why : natsStatus_GetText(s));
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
	tell(l, s == NATS_OK ? NATS_LINK_ANSWER : NATS_LINK_SILENCE, NULL);
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

	while (!nats_link_is_closed(l) && natsConnection_Buffered(nc) > 0 &&
		wait_socket(l, POLLOUT, until)) {
		natsConnection_ProcessWriteEvent(nc);
	}
	if (nats_link_is_closed(l)) {
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

static void work(struct nats_link *l)
{
	for (;;) {
		if (l->drop) {
			drop_now(l);
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

static void note_end(struct link_thread *t)
{
	pthread_mutex_lock(&links_lock);
	t->next = ended;
	ended = t;
	n_threads--;
	pthread_cond_broadcast(&links_fewer);
	pthread_mutex_unlock(&links_lock);
}

static void *run(void *arg)
{
	struct link_thread *t = arg;
	struct nats_link *l = t->link;

	pthread_mutex_lock(&l->lock);
	work(l);
	if (l->made) { /* nobody wants it any more */
		l->drop = l->made;
		l->made = NULL;
		drop_now(l);
	}
	unref(l);
	nats_ReleaseThreadMemory();
	note_end(t);
	return NULL;
}

/* The lock is held. They wait for nothing any more. */
static void join_ended(void)
{
	while (ended) {
		struct link_thread *t = ended;

		ended = t->next;
		pthread_join(t->id, NULL);
		free(t);
	}
}

/* Signals are not for it. */
static int create_thread(struct link_thread *t)
{
	sigset_t every, before;
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	r = -pthread_create(&t->id, &attr, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

static int start_thread(struct nats_link *l)
{
	struct link_thread *t = calloc(1, sizeof(*t));
	int r;

	if (!t) {
		return -ENOMEM;
	}
	t->link = l;
	pthread_mutex_lock(&links_lock);
	join_ended();
	r = create_thread(t);
	n_threads += r == 0;
	pthread_mutex_unlock(&links_lock);
	if (r < 0) {
		free(t);
	}
	return r;
}

static void init_locks(struct nats_link *l)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wish, &attr);
	pthread_condattr_destroy(&attr);
}

/* The worker. */

int nats_link_create(natsOptions *opts, const struct rv_host *host, struct rv_instance *handle,
	void (*fn)(void *in, const struct nats_link_news *), struct nats_link **ret)
{
	struct nats_link *l = calloc(1, sizeof(*l));
	int r = l ? 0 : -ENOMEM;

	if (r < 0) {
		return r;
	}
	*l = (struct nats_link){.refs = 2,
		.worker = pthread_self(),
		.opts = opts,
		.host = host,
		.handle = handle,
		.fn = fn,
		.fd = -1,
		.wait = FIRST_MS};
	init_locks(l);
	enlist(l);
	r = set_callbacks(l) == NATS_OK ? start_thread(l) : -ENOMEM;
	if (r < 0) {
		l->opts = NULL; /* the caller's, still */
		l->refs = 1;
		pthread_mutex_lock(&l->lock);
		unref(l);
		return r;
	}
	*ret = l;
	return 0;
}

void nats_link_leave(struct nats_link *l, natsConnection *nc)
{
	if (!l) {
		return;
	}
	pthread_mutex_lock(&l->lock);
	l->handle = NULL;
	l->connect = false;
	l->leave = true;
	if (nc) {
		l->drop = nc;
		l->ask = NULL;
	}
	pthread_cond_signal(&l->wish);
	unref(l);
}

void nats_link_connect(struct nats_link *l)
{
	pthread_mutex_lock(&l->lock);
	l->connect = true;
	pthread_cond_signal(&l->wish);
	pthread_mutex_unlock(&l->lock);
}

natsConnection *nats_link_take(struct nats_link *l, int *ret_fd)
{
	natsConnection *nc;

	pthread_mutex_lock(&l->lock);
	nc = l->made;
	l->made = NULL;
	*ret_fd = l->fd;
	pthread_mutex_unlock(&l->lock);
	return nc;
}

void nats_link_drop(struct nats_link *l, natsConnection *nc)
{
	pthread_mutex_lock(&l->lock);
	l->drop = nc;
	l->ask = NULL;
	pthread_cond_signal(&l->wish);
	pthread_mutex_unlock(&l->lock);
}

void nats_link_ask(struct nats_link *l, natsConnection *nc)
{
	pthread_mutex_lock(&l->lock);
	l->ask = nc;
	pthread_cond_signal(&l->wish);
	pthread_mutex_unlock(&l->lock);
}

bool nats_link_is_closed(const struct nats_link *l)
{
	return __atomic_load_n(&l->closed, __ATOMIC_ACQUIRE);
}

void nats_link_wait_for_all(unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&links_lock);
	while (n_threads > 0 && pthread_cond_timedwait(&links_fewer, &links_lock, &until) == 0) {
	}
	join_ended();
	pthread_mutex_unlock(&links_lock);
}
