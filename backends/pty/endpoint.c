#include "pty/endpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define SUFFIX_NEW ".new" /* of the link before it is renamed */

int pty_check(const void *cfg, struct rv_err *e)
{
	const struct pty_config *c = cfg;

	e->key = "path";
	return c->path[0] ? 0 : rv_fail(e, -EINVAL, "is missing");
}

bool pty_name_at(const void *cfg, size_t i, char *buf, size_t size)
{
	static const char *const suffixes[] = {"", ".lock", SUFFIX_NEW};
	const struct pty_config *c = cfg;

	if (i >= sizeof(suffixes) / sizeof(suffixes[0])) {
		return false;
	}
	snprintf(buf, size, "%s%s", c->path, suffixes[i]);
	return true;
}

static int hold(const char *link)
{
	return open(link, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static void keep_link(struct pty_endpoint *ep, int link)
{
	fd_close_p(&ep->link);
	ep->link = link;
	ep->id = rv_names_id_fd(link);
}

/* The link is replaced in one step: at no time is there none, or one to a terminal that
 * somebody has. Nothing is replaced that is not ours any more. */
static int move_link(struct pty_endpoint *ep, const char *target)
{
	struct rv_err ignored;
	char *temporary;
	int r;

	if (!ep->path || rv_names_lost(ep->path, ep->id, &ignored) < 0) {
		return -ESTALE;
	}
	temporary = rv_names_join(ep->path, SUFFIX_NEW);
	if (!temporary) {
		return -ENOMEM;
	}
	unlink(temporary); /* of one who was killed right here; ours by the lock */
	r = symlink(target, temporary) < 0 ? -errno : 0;
	if (r == 0) {
		CLEANUP_FD int link = hold(temporary);

		r = link < 0 || rename(temporary, ep->path) < 0 ? -errno : 0;
		if (r == 0) {
			keep_link(ep, TAKE_FD(link));
		}
	}
	if (r < 0) {
		unlink(temporary);
	}
	free(temporary);
	return r;
}

/* A terminal whose opening will be told. */
static int make_next(struct pty_endpoint *ep)
{
	int r = terminal_make(&ep->next);

	if (r < 0) {
		return r;
	}
	ep->watch = inotify_add_watch(ep->inotify, ep->next.name, IN_OPEN | IN_CLOSE);
	return ep->watch < 0 ? -errno : terminal_apply(&ep->next, &ep->info);
}

static void drop_next(struct pty_endpoint *ep)
{
	terminal_close(&ep->next);
	if (ep->watch >= 0) {
		inotify_rm_watch(ep->inotify, ep->watch);
	}
	ep->watch = -1;
}

/* Makes the next terminal, and the link lead there. */
static int refill(struct pty_endpoint *ep)
{
	int r = make_next(ep);

	r = r < 0 ? r : move_link(ep, ep->next.name);
	if (r < 0) {
		drop_next(ep);
	}
	return r;
}

int pty_refill(struct pty_endpoint *ep)
{
	int r;

	pthread_mutex_lock(&ep->lock);
	r = ep->next.master >= 0 ? 0 : refill(ep);
	pthread_mutex_unlock(&ep->lock);
	return r;
}

int pty_take(struct pty_endpoint *ep, struct terminal *ret, int *ret_watch)
{
	int r;

	pthread_mutex_lock(&ep->lock);
	*ret = ep->next;
	*ret_watch = ep->watch;
	ep->next = TERMINAL_NONE;
	ep->watch = -1;
	r = refill(ep);
	if (r < 0 && r != -ESTALE) {
		/* whoever comes next must not get into this one's; a dead end it is then */
		int k = move_link(ep, "/dev/null/busy");

		r = k < 0 ? k : r;
	}
	terminal_lock(ret); /* now that nobody is led there any more */
	pthread_mutex_unlock(&ep->lock);
	return r;
}

void pty_release_name(struct pty_endpoint *ep)
{
	pthread_mutex_lock(&ep->lock);
	if (ep->path) {
		(void)rv_names_unlink(ep->path, &ep->id);
		fd_close_p(&ep->link);
		rv_names_unlock(&ep->name_lock);
		free(ep->path);
		ep->path = NULL;
	}
	pthread_mutex_unlock(&ep->lock);
}

/* inotify tells of two events that are alike as of one, and how many have opened a terminal
 * counts. So the directory is watched, too: what it tells lies between. */
static void watch_all(const struct pty_endpoint *ep)
{
	if (ep->inotify >= 0) {
		(void)inotify_add_watch(ep->inotify, "/dev/pts", IN_OPEN);
	}
}

static int open_names(struct pty_endpoint *ep, const char *path, struct rv_err *e)
{
	int r;

	ep->path = strdup(path);
	if (!ep->path) {
		return rv_fail(e, -ENOMEM, "out of memory");
	}
	r = rv_names_lock(path, &ep->name_lock, e);
	if (r < 0) {
		return r;
	}
	ep->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch_all(ep);
	r = ep->inotify < 0 ? -errno : make_next(ep);
	if (r < 0) {
		return rv_fail(e, r, "%s: cannot make a terminal: %s", path, strerror(-r));
	}
	r = rv_names_link(path, ep->next.name, &ep->id, e);
	if (r < 0) {
		return r;
	}
	r = hold(path);
	if (r < 0) {
		return rv_fail_errno(e, "%s", path);
	}
	keep_link(ep, r);
	return 0;
}

int pty_open(void *endpoint, const struct rv_endpoint_info *info, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *e)
{
	const struct pty_config *c = cfg;
	struct pty_endpoint *ep = endpoint;
	int r;

	(void)fds; /* without RV_CAP_ADOPT_FD there are none */
	(void)n_fds;
	*ep = (struct pty_endpoint){.is_open = true,
		.framing = c->framing,
		.name_lock = {.fd = -1},
		.info = *info,
		.link = -1,
		.next = TERMINAL_NONE,
		.inotify = -1,
		.watch = -1};
	pthread_mutex_init(&ep->lock, NULL);
	r = open_names(ep, c->path, e);
	if (r < 0) {
		pty_close(ep);
	}
	return r;
}

int pty_reconfigure(
	void *endpoint, const struct rv_endpoint_info *info, const void *cfg, struct rv_err *e)
{
	const struct pty_config *c = cfg;
	struct pty_endpoint *ep = endpoint;
	int r;

	if (c->framing != ep->framing || !ep->path || strcmp(c->path, ep->path) != 0) {
		return -EBUSY;
	}
	pthread_mutex_lock(&ep->lock);
	r = rv_names_lost(ep->path, ep->id, e);
	if (r == 0 && ep->next.slave >= 0) {
		r = terminal_apply(&ep->next, info);
		r = r < 0 ? rv_fail(e, r, "%s: cannot set mode or owner: %s", ep->next.name,
				    strerror(-r))
			  : 0;
	}
	if (r == 0) {
		ep->info = *info;
	}
	pthread_mutex_unlock(&ep->lock);
	return r;
}

void pty_close(void *endpoint)
{
	struct pty_endpoint *ep = endpoint;

	if (!ep->is_open) {
		return;
	}
	pty_release_name(ep);
	drop_next(ep);
	held_finish(&ep->held);
	fd_close_p(&ep->inotify);
	pthread_mutex_destroy(&ep->lock);
	ep->is_open = false;
}
