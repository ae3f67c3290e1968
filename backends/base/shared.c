#include <revd/base/shared.h>

#include <stdlib.h>
#include <sys/ioctl.h>
#include <syslog.h>

void rv_shared_took_last(struct rv_shared *all, size_t n)
{
	all->left -= n < all->left ? n : all->left;
	if (all->left == 0) {
		event_del(&all->input);
		rv_shared_check_drained(all);
	}
}

static int read_bytes(struct rv_shared *all)
{
	void *volatile *serving = RV_HOST_HAS(all->out.host, serving)
					  ? all->out.host->serving(all->out.handle)
					  : NULL;
	ssize_t n;

	if (serving) {
		*serving = all->line;
	}
	n = read(all->input_fd, all->buf, rv_shared_may_read(all, RV_SHARED_READ));

	if (n > 0) {
		rv_shared_took(all, (size_t)n,
			all->out.host->bytes(all->out.handle, all->line, all->buf, (size_t)n,
				(size_t)n < RV_SHARED_READ));
	}
	n = n < 0 ? -errno : 0;
	if (serving) {
		*serving = NULL;
	}
	return (int)n;
}

static void on_input(int fd, short what, void *arg)
{
	struct rv_shared *all = arg;
	const struct rv_writer *out = &all->out;
	int r = all->ops->input ? all->ops->input(all) : read_bytes(all);

	(void)fd;
	(void)what;
	if (r == 0 || r == -EAGAIN || r == -EINTR) {
		return;
	}
	out->host->log(out->handle, LOG_ERR, "%s: cannot read: %s", all->name, strerror(-r));
	out->host->dropped(out->handle, RV_DROP_IO, 1);
	event_del(&all->input);
	out->host->failed(out->handle, -r);
}

ssize_t rv_shared_write(void *peer, const void *p, size_t n)
{
	ssize_t k = write(((struct rv_shared_peer *)peer)->fd, p, n);

	return k < 0 ? -errno : k;
}

/* Beginning and end. */

static int start(struct rv_shared *all)
{
	int r;

	all->buf = malloc(all->buf_size ? all->buf_size : RV_SHARED_READ);
	if (!all->buf) {
		return -ENOMEM;
	}
	r = rv_shared_peer_new(all, all->line_fd, true, &all->line);
	return r < 0 ? r : rv_shared_read_on(all);
}

int rv_shared_attach(struct rv_shared *all, const struct rv_host *host, struct rv_instance *handle,
	struct rv_err *e)
{
	int r;

	rv_shared_writer_init(all, host, handle);
	event_assign(&all->input, host->event_base(handle), all->input_fd, EV_READ | EV_PERSIST,
		on_input, all);
	all->attached = true;
	r = start(all);
	if (r < 0) {
		rv_fail(e, r, "%s: cannot serve: %s", all->name, strerror(-r));
		rv_shared_detach(all);
	}
	return r;
}

void rv_shared_drain(struct rv_shared *all, size_t left)
{
	all->draining = true;
	all->left = left;
	if (left == 0) {
		event_del(&all->input);
	}
	rv_shared_check_drained(all);
}

void rv_shared_drain_bytes(struct rv_shared *all)
{
	int n;

	rv_shared_drain(all, ioctl(all->input_fd, FIONREAD, &n) < 0 ? 0 : (size_t)n);
}

static void end_one(void *peer, void *arg)
{
	(void)arg;
	rv_shared_end(peer);
}

void rv_shared_detach(void *instance)
{
	struct rv_shared *all = instance;

	if (!all->attached) {
		return;
	}
	all->attached = false;
	all->drained = true; /* nobody asks any more */
	event_del(&all->input);
	all->out.host->each_peer(all->out.handle, end_one, NULL);
	rv_peer_cache_finish(&all->cache);
	rv_writer_finish(&all->out);
	free(all->buf);
	all->buf = NULL;
}
