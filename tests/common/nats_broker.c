#include "common/nats_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/wait.h"
#include "util/fd.h"

#define INBOX "_INBOX.test.1"
#define AGAIN_MS 5 /* between questions whether it is there yet */

static void pause_before_next(void)
{
	poll(NULL, 0, AGAIN_MS);
}

/* The broker. */

static struct sockaddr_in address_of(const struct nats_broker *b)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(b->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

void nats_broker_init(struct nats_broker *b, const struct rig *rig)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof sa;

	*b = (struct nats_broker){.rig = rig};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	b->port = ntohs(sa.sin_port);
}

static int try_connect(const struct nats_broker *b)
{
	const struct sockaddr_in sa = address_of(b);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void run_server(const struct nats_broker *b)
{
	char conf[RIG_PATH], log[RIG_PATH], port[8];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(port, sizeof port, "%u", (unsigned)b->port);
	execlp(getenv("REVD_TEST_NATS_SERVER"), "nats-server", "-a", "127.0.0.1", "-p", port, "-c",
		rig_path(b->rig, "broker.conf", conf), "-l", rig_path(b->rig, "broker.log", log),
		NULL);
	_exit(127);
}

void nats_broker_start(struct nats_broker *b, const char *config)
{
	uint64_t until = wait_until(WAIT_MS);
	int fd;

	rig_write(b->rig, "broker.conf", config);
	b->pid = fork();
	ck_assert_int_ge(b->pid, 0);
	if (b->pid == 0) {
		run_server(b);
	}
	while ((fd = try_connect(b)) < 0) {
		ck_assert_msg(wait_left(until) > 0, "nats-server does not listen");
		ck_assert_msg(waitpid(b->pid, NULL, WNOHANG) == 0, "nats-server has ended");
		pause_before_next();
	}
	close(fd);
}

void nats_broker_signal(const struct nats_broker *b, int sig)
{
	ck_assert_int_eq(kill(b->pid, sig), 0);
	if (sig == SIGSTOP) {
		ck_assert_int_eq(waitpid(b->pid, NULL, WUNTRACED), b->pid);
	}
}

void nats_broker_kill(struct nats_broker *b)
{
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
	}
	b->pid = 0;
}

/* Clients. */

void nats_client_send(struct nats_client *c, const void *p, size_t n)
{
	ck_assert_int_eq(fd_write_all(c->fd, p, n), 0);
}

static void send_text(struct nats_client *c, const char *text)
{
	nats_client_send(c, text, strlen(text));
}

/* More bytes behind those that are there; false if none came in time. */
static bool fill(struct nats_client *c, uint64_t until)
{
	ssize_t k;

	if (c->size - c->n < 65536) {
		c->size = c->size ? 2 * c->size : 1 << 18;
		c->buf = realloc(c->buf, c->size);
		ck_assert_ptr_nonnull(c->buf);
	}
	if (!wait_fd(c->fd, POLLIN, until)) {
		return false;
	}
	k = read(c->fd, c->buf + c->n, c->size - c->n);
	ck_assert_msg(k > 0, "the broker has closed the connection");
	c->n += (size_t)k;
	return true;
}

/* What has come already. */
static bool fill_now(struct nats_client *c)
{
	return wait_fd(c->fd, POLLIN, 0) && fill(c, 0);
}

/* Its length with CR LF, or 0 if it has not come as a whole. */
static size_t line_at(const struct nats_client *c, size_t at)
{
	const char *lf = c->n > at ? memchr(c->buf + at, '\n', c->n - at) : NULL;

	return lf ? (size_t)(lf + 1 - c->buf) - at : 0;
}

static bool is_message(const char *line)
{
	return strncmp(line, "MSG ", 4) == 0 || strncmp(line, "HMSG ", 5) == 0;
}

/* Of head and payload, as the end of the line says. */
static size_t size_of(const char *line, size_t n)
{
	size_t at = n;

	while (line[at - 1] != ' ') {
		at--;
	}
	return strtoul(line + at, NULL, 10);
}

static void forget(struct nats_client *c, size_t at, size_t n)
{
	memmove(c->buf + at, c->buf + at + n, c->n - at - n);
	c->n -= n;
}

/* The first thing at or behind `at` that is no PING. Its size; 0: it is not whole. */
static size_t whole_at(struct nats_client *c, size_t at)
{
	size_t n = line_at(c, at), whole = n;

	while (n > 0 && strncmp(c->buf + at, "PING", 4) == 0) {
		forget(c, at, n);
		send_text(c, "PONG\r\n");
		whole = n = line_at(c, at);
	}
	if (n > 0 && is_message(c->buf + at)) {
		whole += size_of(c->buf + at, n) + 2;
	}
	return n > 0 && c->n - at >= whole ? whole : 0;
}

/* The same, waiting for it. */
static size_t next_at(struct nats_client *c, size_t at, uint64_t until)
{
	size_t n;

	while ((n = whole_at(c, at)) == 0) {
		ck_assert_msg(fill(c, until), "nothing comes from the broker");
	}
	return n;
}

void nats_client_flush(struct nats_client *c)
{
	uint64_t until = wait_until(WAIT_MS);
	size_t at = c->taken, n;

	send_text(c, "PING\r\n");
	while (n = next_at(c, at, until), strncmp(c->buf + at, "PONG", 4) != 0) {
		ck_assert_msg(is_message(c->buf + at), "the broker says %.*s", (int)n, c->buf + at);
		at += n;
	}
	forget(c, at, n);
}

void nats_client_open(struct nats_client *c, const struct nats_broker *b, const char *credentials)
{
	char text[512];
	const int on = 1;

	*c = (struct nats_client){.fd = try_connect(b)};
	ck_assert_int_ge(c->fd, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	forget(c, 0, next_at(c, 0, wait_until(WAIT_MS))); /* INFO */
	snprintf(text, sizeof text,
		"CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true%s%s}\r\n",
		*credentials ? "," : "", credentials);
	send_text(c, text);
	nats_client_flush(c);
	nats_client_subscribe(c, INBOX);
}

void nats_client_close(struct nats_client *c)
{
	close(c->fd);
	free(c->buf);
	*c = (struct nats_client){.fd = -1};
}

void nats_client_subscribe(struct nats_client *c, const char *subject)
{
	char text[300];

	snprintf(text, sizeof text, "SUB %s %u\r\n", subject, ++c->subscriptions);
	send_text(c, text);
	nats_client_flush(c);
}

void nats_client_publish(
	struct nats_client *c, const char *subject, const char *reply, const void *data, size_t n)
{
	char *text = malloc(n + 1024);
	int head = snprintf(text, 1024, "PUB %s%s%s %zu\r\n", subject, *reply ? " " : "", reply, n);

	memcpy(text + head, data, n);
	memcpy(text + head + n, "\r\n", 2);
	nats_client_send(c, text, (size_t)head + n + 2);
	free(text);
}

/* MSG subject sid [reply] n; HMSG subject sid [reply] head-n n. */
static void parse(struct nats_message *m, char *line, size_t n)
{
	bool has_head = line[0] == 'H';
	char *save = NULL, *words[6] = {NULL}, *rest = line + n;
	size_t k = 0, all;

	line[n - 2] = '\0';
	for (char *w = strtok_r(line, " ", &save); w && k < 6; w = strtok_r(NULL, " ", &save)) {
		words[k++] = w;
	}
	ck_assert_uint_ge(k, has_head ? 5 : 4);
	*m = (struct nats_message){0};
	snprintf(m->subject, sizeof m->subject, "%s", words[1]);
	if (k == (has_head ? 6u : 5u)) {
		snprintf(m->reply, sizeof m->reply, "%s", words[3]);
	}
	all = strtoul(words[k - 1], NULL, 10);
	m->head_n = has_head ? strtoul(words[k - 2], NULL, 10) : 0;
	m->head = has_head ? rest : NULL;
	m->data = (const uint8_t *)rest + m->head_n;
	m->n = all - m->head_n;
}

static void take(struct nats_client *c, struct nats_message *m, size_t n)
{
	ck_assert_msg(is_message(c->buf), "the broker says %.*s", (int)n, c->buf);
	parse(m, c->buf, line_at(c, 0));
	c->taken = n;
}

static void forget_taken(struct nats_client *c)
{
	forget(c, 0, c->taken);
	c->taken = 0;
}

void nats_client_receive(struct nats_client *c, struct nats_message *m)
{
	forget_taken(c);
	take(c, m, next_at(c, 0, wait_until(WAIT_MS)));
}

bool nats_client_try_receive(struct nats_client *c, struct nats_message *m)
{
	size_t n;

	forget_taken(c);
	while ((n = whole_at(c, 0)) == 0) {
		if (!fill_now(c)) {
			return false;
		}
	}
	take(c, m, n);
	return true;
}

void nats_client_expect_nothing(struct nats_client *c)
{
	nats_client_flush(c);
	ck_assert_msg(c->n == c->taken, "there is %.*s", (int)(c->n - c->taken), c->buf + c->taken);
}

void nats_client_ask(struct nats_client *c, struct nats_message *m, const char *subject,
	const void *data, size_t n)
{
	nats_client_publish(c, subject, INBOX, data, n);
	nats_client_receive(c, m);
	ck_assert_str_eq(m->subject, INBOX);
	ck_assert_str_eq(m->reply, "");
}

static bool has_header(const struct nats_message *m, const char *header)
{
	return m->head && memmem(m->head, m->head_n, header, strlen(header));
}

void nats_client_expect(
	struct nats_client *c, const char *subject, const char *request, const char *reply)
{
	struct nats_message m;

	nats_client_ask(c, &m, subject, request, strlen(request));
	ck_assert_msg(!m.head, "%.*s", (int)m.head_n, m.head);
	ck_assert_msg(m.n == strlen(reply) && memcmp(m.data, reply, m.n) == 0, "'%.*s' not '%s'",
		(int)m.n, (const char *)m.data, reply);
}

void nats_client_expect_error(struct nats_client *c, const char *subject, const void *request,
	size_t n, const char *code, const char *says)
{
	char header[256];
	struct nats_message m;

	nats_client_ask(c, &m, subject, request, n);
	ck_assert_uint_eq(m.n, 0);
	snprintf(header, sizeof header, "\r\nNats-Service-Error-Code: %s\r\n", code);
	ck_assert_msg(has_header(&m, header), "%.*s", (int)m.head_n, m.head);
	snprintf(header, sizeof header, "\r\nNats-Service-Error: %s", says);
	ck_assert_msg(has_header(&m, header), "%.*s", (int)m.head_n, m.head);
}

void nats_client_wait_served(
	struct nats_client *c, const char *subject, const char *request, const char *reply)
{
	uint64_t until = wait_until(WAIT_MS);
	struct nats_message m;

	for (;;) {
		nats_client_ask(c, &m, subject, request, strlen(request));
		if (!has_header(&m, " 503")) {
			break;
		}
		ck_assert_msg(wait_left(until) > 0, "nobody serves %s", subject);
		pause_before_next();
	}
	ck_assert_uint_eq(m.n, strlen(reply));
	ck_assert_mem_eq(m.data, reply, m.n);
}
