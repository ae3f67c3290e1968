#include "loopback/hub.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

/* Names are known to the whole process, as those of the other transports are
 * to the whole machine: so there is one table of them. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hub *registry;

/* pipe_buf: a ring. */

static void ring_put(struct pipe_buf *b, const void *p, size_t n)
{
	size_t at = (b->head + b->len) % b->size;
	size_t first = n < b->size - at ? n : b->size - at;

	memcpy(b->data + at, p, first);
	memcpy(b->data, (const uint8_t *)p + first, n - first);
	b->len += n;
}

static void ring_peek(const struct pipe_buf *b, void *p, size_t n)
{
	size_t first = n < b->size - b->head ? n : b->size - b->head;

	memcpy(p, b->data + b->head, first);
	memcpy((uint8_t *)p + first, b->data, n - first);
}

static void ring_take(struct pipe_buf *b, void *p, size_t n)
{
	ring_peek(b, p, n);
	b->head = (b->head + n) % b->size;
	b->len -= n;
}

static ssize_t put(const struct hub *h, struct pipe_buf *b, const void *p, size_t n, uint32_t tag)
{
	struct pipe_head head = {.len = (uint32_t)n, .tag = tag};
	size_t room = b->size - b->len;

	if (h->type == LOOPBACK_STREAM) {
		n = n < room ? n : room;
		ring_put(b, p, n);
		return n > 0 ? (ssize_t)n : -EAGAIN;
	}
	if (n > h->max_message) {
		return -EMSGSIZE;
	}
	if (room < sizeof(head) + n) {
		return -EAGAIN;
	}
	ring_put(b, &head, sizeof(head));
	ring_put(b, p, n);
	return (ssize_t)n;
}

static ssize_t take(const struct hub *h, struct pipe_buf *b, void *p, size_t n, uint32_t *ret_tag)
{
	struct pipe_head head;

	if (b->len == 0) {
		return -EAGAIN;
	}
	if (h->type == LOOPBACK_STREAM) {
		n = n < b->len ? n : b->len;
		ring_take(b, p, n);
		return (ssize_t)n;
	}
	ring_peek(b, &head, sizeof(head));
	if (head.len > n) {
		return -EMSGSIZE;
	}
	ring_take(b, &head, sizeof(head));
	ring_take(b, p, head.len);
	if (ret_tag) {
		*ret_tag = head.tag;
	}
	return (ssize_t)head.len;
}

/* The hub. */

static void free_hub(struct hub *h)
{
	if (h->wake_fd >= 0) {
		close(h->wake_fd);
	}
	pthread_mutex_destroy(&h->lock);
	free(h->name);
	free(h);
}

static struct hub *make_hub(const char *name)
{
	struct hub *h = calloc(1, sizeof(*h));

	if (!h) {
		return NULL;
	}
	pthread_mutex_init(&h->lock, NULL);
	h->refs = 1;
	h->ready_end = &h->ready;
	h->name = strdup(name);
	h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!h->name || h->wake_fd < 0) {
		free_hub(h);
		return NULL;
	}
	return h;
}

static struct hub **find(const char *name)
{
	struct hub **at = &registry;

	while (*at && strcmp((*at)->name, name) != 0) {
		at = &(*at)->next;
	}
	return at;
}

int hub_create(const char *name, enum loopback_type type, size_t max_message, size_t capacity,
	struct hub **ret)
{
	struct hub *h = make_hub(name);
	struct hub **at;
	bool taken;

	if (!h) {
		return -ENOMEM;
	}
	h->type = type;
	h->max_message = max_message;
	h->capacity = capacity;
	pthread_mutex_lock(&registry_lock);
	at = find(name);
	taken = *at != NULL;
	if (!taken) {
		*at = h;
	}
	pthread_mutex_unlock(&registry_lock);
	if (taken) {
		free_hub(h);
		return -EADDRINUSE;
	}
	*ret = h;
	return 0;
}

void hub_unregister(struct hub *h)
{
	struct hub **at;

	pthread_mutex_lock(&registry_lock);
	at = find(h->name);
	if (*at == h) { /* not one that has the name now */
		*at = h->next;
		h->next = NULL;
	}
	pthread_mutex_unlock(&registry_lock);
}

void hub_destroy(struct hub *h)
{
	hub_unregister(h);
	hub_unref(h);
}

void hub_unref(struct hub *h)
{
	bool last;

	pthread_mutex_lock(&h->lock);
	last = --h->refs == 0;
	pthread_mutex_unlock(&h->lock);
	if (last) {
		free_hub(h);
	}
}

static void wake_locked(struct loopback *c)
{
	struct hub *h = c->hub;
	const uint64_t one = 1;

	if (c->is_ready || c->server_closed) {
		return;
	}
	c->is_ready = true;
	c->next_ready = NULL;
	if (!h->ready) { /* else the server knows already */
		(void)!write(h->wake_fd, &one, sizeof(one));
	}
	*h->ready_end = c;
	h->ready_end = &c->next_ready;
}

void hub_wake(struct loopback *c)
{
	pthread_mutex_lock(&c->hub->lock);
	wake_locked(c);
	pthread_mutex_unlock(&c->hub->lock);
}

static void unready_locked(struct loopback *c)
{
	struct loopback **at = &c->hub->ready;

	if (!c->is_ready) {
		return;
	}
	while (*at != c) {
		at = &(*at)->next_ready;
	}
	*at = c->next_ready;
	if (!*at) {
		c->hub->ready_end = at;
	}
	c->is_ready = false;
}

struct loopback *hub_next(struct hub *h)
{
	struct loopback *c;

	pthread_mutex_lock(&h->lock);
	c = h->ready;
	if (c) {
		unready_locked(c);
	}
	pthread_mutex_unlock(&h->lock);
	return c;
}

void hub_listen(struct hub *h, bool on)
{
	pthread_mutex_lock(&h->lock);
	h->listening = on;
	pthread_mutex_unlock(&h->lock);
}

/* Connections. */

static void free_conn(struct loopback *c)
{
	pthread_cond_destroy(&c->cond);
	free(c->up.data);
	free(c->down.data);
	free(c);
}

static struct loopback *make_conn(struct hub *h)
{
	struct loopback *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;

	if (!c) {
		return NULL;
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
	c->hub = h;
	c->up.data = malloc(h->capacity);
	c->down.data = malloc(h->capacity);
	c->up.size = c->down.size = h->capacity;
	if (!c->up.data || !c->down.data) {
		free_conn(c);
		return NULL;
	}
	return c;
}

static int connect_locked(struct hub *h, struct loopback **ret)
{
	struct loopback *c;

	if (!h->listening) {
		return -ECONNREFUSED;
	}
	c = make_conn(h);
	if (!c) {
		return -ENOMEM;
	}
	h->refs++;
	wake_locked(c);
	*ret = c;
	return 0;
}

int loopback_connect(const char *name, struct loopback **ret)
{
	int r = -ECONNREFUSED;
	struct hub *h;

	pthread_mutex_lock(&registry_lock);
	h = *find(name);
	if (h) {
		pthread_mutex_lock(&h->lock);
		r = connect_locked(h, ret);
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&registry_lock);
	return r;
}

ssize_t loopback_send(struct loopback *c, const void *p, size_t n, uint32_t tag)
{
	ssize_t k;

	pthread_mutex_lock(&c->hub->lock);
	k = c->shut || c->up_closed || c->server_closed ? -EPIPE : put(c->hub, &c->up, p, n, tag);
	if (k >= 0) {
		wake_locked(c);
	}
	pthread_mutex_unlock(&c->hub->lock);
	return k;
}

ssize_t loopback_recv(struct loopback *c, void *p, size_t n, uint32_t *ret_tag)
{
	ssize_t k;

	pthread_mutex_lock(&c->hub->lock);
	k = take(c->hub, &c->down, p, n, ret_tag);
	if (k == -EAGAIN && c->server_closed) {
		k = -ENOTCONN;
	}
	if (k >= 0 && c->want_write) {
		wake_locked(c);
	}
	pthread_mutex_unlock(&c->hub->lock);
	return k;
}

static bool worth_trying(const struct loopback *c, bool for_send)
{
	if (c->server_closed) {
		return true;
	}
	if (!for_send) {
		return c->down.len > 0;
	}
	return c->up_closed ||
	       c->up.size - c->up.len >
		       (c->hub->type == LOOPBACK_STREAM
				       ? 0
				       : sizeof(struct pipe_head) + c->hub->max_message - 1);
}

int loopback_wait(struct loopback *c, bool for_send, int timeout_ms)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&c->hub->lock);
	while (r == 0 && !worth_trying(c, for_send)) {
		r = pthread_cond_timedwait(&c->cond, &c->hub->lock, &until);
	}
	pthread_mutex_unlock(&c->hub->lock);
	return -r;
}

void loopback_shutdown(struct loopback *c)
{
	pthread_mutex_lock(&c->hub->lock);
	c->shut = true;
	wake_locked(c);
	pthread_mutex_unlock(&c->hub->lock);
}

/* The second of the two sides frees it. */
static void leave(struct loopback *c, bool *mine, const bool *other)
{
	struct hub *h = c->hub;
	bool last;

	pthread_mutex_lock(&h->lock);
	*mine = true;
	last = *other;
	if (!last) {
		wake_locked(c);
		pthread_cond_broadcast(&c->cond);
	} else {
		unready_locked(c);
	}
	pthread_mutex_unlock(&h->lock);
	if (last) {
		free_conn(c);
		hub_unref(h);
	}
}

void loopback_close(struct loopback *c)
{
	if (c) {
		leave(c, &c->client_closed, &c->server_closed);
	}
}

void conn_close(struct loopback *c)
{
	pthread_mutex_lock(&c->hub->lock);
	unready_locked(c);
	pthread_mutex_unlock(&c->hub->lock);
	leave(c, &c->server_closed, &c->client_closed);
}

size_t conn_take(struct loopback *c, void *p, size_t n, bool *ret_more)
{
	ssize_t k;

	pthread_mutex_lock(&c->hub->lock);
	k = take(c->hub, &c->up, p, n, NULL);
	*ret_more = c->up.len > 0;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->hub->lock);
	return k > 0 ? (size_t)k : 0;
}

size_t conn_take_messages(
	struct loopback *c, uint8_t *p, size_t n, struct rv_msg *msgs, size_t max, bool *ret_more)
{
	size_t at = 0, i = 0;

	pthread_mutex_lock(&c->hub->lock);
	while (i < max) {
		uint32_t tag = 0;
		ssize_t k = take(c->hub, &c->up, p + at, n - at, &tag);

		if (k < 0) {
			break;
		}
		msgs[i++] = (struct rv_msg){.data = p + at, .len = (size_t)k, .tag = tag};
		at += (size_t)k;
	}
	*ret_more = c->up.len > 0;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->hub->lock);
	return i;
}

bool conn_at_end(struct loopback *c)
{
	bool yes;

	pthread_mutex_lock(&c->hub->lock);
	yes = c->up.len == 0 && (c->shut || c->client_closed || c->up_closed);
	pthread_mutex_unlock(&c->hub->lock);
	return yes;
}

ssize_t conn_put(struct loopback *c, const void *p, size_t n, uint32_t tag)
{
	ssize_t k;

	pthread_mutex_lock(&c->hub->lock);
	k = c->client_closed ? -EPIPE : put(c->hub, &c->down, p, n, tag);
	if (k >= 0) {
		pthread_cond_broadcast(&c->cond);
	}
	pthread_mutex_unlock(&c->hub->lock);
	return k;
}

/* The client may have made room since the put that found too little. */
void conn_want_write(struct loopback *c, bool on)
{
	pthread_mutex_lock(&c->hub->lock);
	c->want_write = on;
	if (on) {
		wake_locked(c);
	}
	pthread_mutex_unlock(&c->hub->lock);
}

void conn_close_input(struct loopback *c)
{
	pthread_mutex_lock(&c->hub->lock);
	c->up_closed = true;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->hub->lock);
}
