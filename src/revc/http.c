#include "revc/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "util/clock.h"

#define REQUEST_MAX 8192u
#define PATIENCE_NS (UINT64_C(5) * 1000000000u) /* for the whole of the request */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static bool head_only; /* the request was HEAD */

/* Up to the empty line. The bytes read, NUL behind them; 0: it did not come. */
static size_t read_request(char *buf, size_t size)
{
	uint64_t deadline = clock_now() + PATIENCE_NS;
	size_t n = 0;

	while (n < size - 1) {
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
		struct timespec left = clock_until(deadline);
		ssize_t got = ppoll(&p, 1, &left, NULL) > 0 ? read(p.fd, buf + n, size - 1 - n) : 0;

		if (got <= 0) {
			return 0;
		}
		n += (size_t)got;
		buf[n] = '\0';
		if (strstr(buf, "\r\n\r\n") || strstr(buf, "\n\n")) {
			return n;
		}
	}
	return 0;
}

static int respond(const char *status, const char *more, const char *type, const char *body, size_t n)
{
	(void)printf("HTTP/1.1 %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\n"
		     "Connection: close\r\n\r\n",
		status, more, type, n);
	if (!head_only) {
		(void)fwrite(body, 1, n, stdout);
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}

static void refuse(const char *status, const char *more, const char *sentence)
{
	(void)respond(status, more, "text/plain; charset=utf-8", sentence, strlen(sentence));
}

bool http_wants_metrics(void)
{
	char request[REQUEST_MAX], method[16], path[256], version[16];

	head_only = false;
	if (read_request(request, sizeof(request)) == 0 ||
		sscanf(request, "%15s %255s %15s", method, path, version) != 3 ||
		strncmp(version, "HTTP/1.", 7) != 0) {
		refuse("400 Bad Request", "", "This is no request of HTTP/1.\n");
		return false;
	}
	path[strcspn(path, "?")] = '\0';
	head_only = strcmp(method, "HEAD") == 0;
	if (!head_only && strcmp(method, "GET") != 0) {
		refuse("405 Method Not Allowed", "Allow: GET, HEAD\r\n",
			"Only GET and HEAD are served.\n");
		return false;
	}
	if (strcmp(path, "/metrics") != 0) {
		refuse("404 Not Found", "", "The metrics are at /metrics.\n");
		return false;
	}
	return true;
}

int http_answer(const char *body, size_t n)
{
	return respond("200 OK", "", METRICS_TYPE, body, n);
}
