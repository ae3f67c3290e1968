#include "server/registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <revd/wire.h>
#include "util/fd.h"
#include "util/log.h"

#define MAX_PLUGINS 64

struct registry {
	const struct rv_backend_ops *const *backends;
	const struct rv_service_ops *const *services;
	const struct rv_backend_ops *more_backends[MAX_PLUGINS];
	const struct rv_service_ops *more_services[MAX_PLUGINS];
	void *handles[MAX_PLUGINS];
	size_t n_backends, n_services, n_handles;
	char *loaded;          /* the directory */
	const char *installed; /* where plugins are that nobody has to name */
};

static const struct rv_backend_ops *backend_at(const struct registry *r, size_t i)
{
	size_t n = 0;

	while (r->backends[n]) {
		if (n++ == i) {
			return r->backends[i];
		}
	}
	return i - n < r->n_backends ? r->more_backends[i - n] : NULL;
}

static const struct rv_service_ops *service_at(const struct registry *r, size_t i)
{
	size_t n = 0;

	while (r->services[n]) {
		if (n++ == i) {
			return r->services[i];
		}
	}
	return i - n < r->n_services ? r->more_services[i - n] : NULL;
}

static const struct rv_backend_ops *loaded_backend(struct registry *ctx, const char *name)
{
	const struct rv_backend_ops *ops;

	for (size_t i = 0; (ops = backend_at(ctx, i)); i++) {
		if (strcmp(ops->name, name) == 0) {
			return ops;
		}
	}
	return NULL;
}

static const struct rv_service_ops *loaded_service(struct registry *ctx, const char *name)
{
	const struct rv_service_ops *ops;

	for (size_t i = 0; (ops = service_at(ctx, i)); i++) {
		if (strcmp(ops->name, name) == 0) {
			return ops;
		}
	}
	return NULL;
}

static const char *backend_name(void *ctx, size_t i)
{
	const struct rv_backend_ops *ops = backend_at(ctx, i);

	return ops ? ops->name : NULL;
}

static const char *service_name(void *ctx, size_t i)
{
	const struct rv_service_ops *ops = service_at(ctx, i);

	return ops ? ops->name : NULL;
}

/* What both kinds of plugin open with. */
struct head {
	uint32_t magic, abi, size, libevent;
};

static int check_head(
	const struct head *h, const struct head *want, const char *path, struct rv_err *err)
{
	if (h->magic != want->magic) {
		snprintf(err->msg, sizeof(err->msg), "%s: not a revd plugin (magic %#x)", path,
			h->magic);
	} else if (h->abi != want->abi || h->size < want->size) {
		snprintf(err->msg, sizeof(err->msg),
			"%s: built for plugin ABI %u (%u bytes), this is ABI %u (%u bytes)", path,
			h->abi, h->size, want->abi, want->size);
	} else if (h->libevent >> 16 != want->libevent >> 16) {
		snprintf(err->msg, sizeof(err->msg), "%s: built for libevent %#x, this is %#x",
			path, h->libevent, want->libevent);
	} else {
		return 0;
	}
	return -EINVAL;
}

static int check_backend(const struct rv_backend_ops *o, const char *path, struct rv_err *err)
{
	const struct head h = {o->magic, o->abi, o->size, o->libevent};
	const struct head want = {REVD_BACKEND_MAGIC, REVD_BACKEND_ABI,
		offsetof(struct rv_backend_ops, name_at), LIBEVENT_VERSION_NUMBER};
	int r = check_head(&h, &want, path, err);

	if (r == 0 && !(o->name && o->version && o->attach && o->drain && o->detach &&
			      o->peer_close && o->reserve && o->commit && o->flush &&
			      (o->open || !(o->caps & RV_CAP_ADOPT_FD)) &&
			      (o->reply_peer || !(o->caps & RV_CAP_REPLY_TO)))) {
		snprintf(err->msg, sizeof(err->msg), "%s: a required method is missing", path);
		r = -EINVAL;
	}
	return r;
}

static int check_service(const struct rv_service_ops *o, const char *path, struct rv_err *err)
{
	const struct head h = {o->magic, o->abi, o->size, o->libevent};
	const struct head want = {REVD_SERVICE_MAGIC, REVD_SERVICE_ABI,
		offsetof(struct rv_service_ops, lines_later), LIBEVENT_VERSION_NUMBER};
	int r = check_head(&h, &want, path, err);

	if (r == 0 && !(o->name && o->version && o->call)) {
		snprintf(err->msg, sizeof(err->msg), "%s: a required method is missing", path);
		r = -EINVAL;
	}
	return r;
}

static int add_ops(struct registry *r, const struct rv_backend_ops *b,
	const struct rv_service_ops *s, const char *path, struct rv_err *err)
{
	int k;

	if (b) {
		k = check_backend(b, path, err);
		if (k < 0) {
			return k;
		}
	}
	if (s) {
		k = check_service(s, path, err);
		if (k < 0) {
			return k;
		}
	}
	if (!b && !s) {
		snprintf(err->msg, sizeof(err->msg), "%s: neither %s nor %s in it", path,
			REVD_BACKEND_SYM, REVD_SERVICE_SYM);
		return -EINVAL;
	}
	if ((b && loaded_backend(r, b->name)) || (s && loaded_service(r, s->name))) {
		snprintf(err->msg, sizeof(err->msg), "%s: there is a '%s' already", path,
			b ? b->name : s->name);
		return -EEXIST;
	}
	if (b) {
		r->more_backends[r->n_backends++] = b;
	}
	if (s) {
		r->more_services[r->n_services++] = s;
	}
	log_info("loaded %s %s from %s", b ? "transport" : "service", b ? b->name : s->name, path);
	return 0;
}

/* Nobody but us (and root) may have written what we are about to run. */
static int check_trust(const char *path, mode_t kind, struct rv_err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		snprintf(err->msg, sizeof(err->msg), "%s: %s", path, strerror(errno));
		return -errno;
	}
	if ((st.st_mode & S_IFMT) != kind) {
		snprintf(err->msg, sizeof(err->msg), "%s: not a %s", path,
			kind == S_IFDIR ? "directory" : "regular file");
		return -EINVAL;
	}
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(err->msg, sizeof(err->msg),
			"%s: must be owned by root and writable by nobody else", path);
		return -EPERM;
	}
	return 0;
}

static int load_file(struct registry *r, const char *path, struct rv_err *err)
{
	void *handle;
	int k = check_trust(path, S_IFREG, err);

	if (k < 0) {
		return k;
	}
	if (r->n_handles == MAX_PLUGINS) {
		snprintf(err->msg, sizeof(err->msg), "%s: more than %d plugins", path, MAX_PLUGINS);
		return -E2BIG;
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(err->msg, sizeof(err->msg), "%s", dlerror());
		return -EINVAL;
	}
	r->handles[r->n_handles++] = handle;
	return add_ops(
		r, dlsym(handle, REVD_BACKEND_SYM), dlsym(handle, REVD_SERVICE_SYM), path, err);
}

/* Those that were loaded last. */
static void unload(struct registry *r, size_t keep)
{
	while (r->n_handles > keep) {
		dlclose(r->handles[--r->n_handles]);
	}
}

static int is_plugin(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 3 && strcmp(d->d_name + n - 3, ".so") == 0;
}

/* Loads every *.so of a directory that, like its files, only root (or, where we are not
 * root, only we) may write. A directory that was loaded before is fine. */
static int load_directory(void *ctx, const char *dir, struct rv_err *err)
{
	struct registry *r = ctx;
	const size_t backends = r->n_backends, services = r->n_services, handles = r->n_handles;
	struct dirent **list;
	int n, k;

	if (!*dir || (r->loaded && strcmp(r->loaded, dir) == 0)) {
		return 0;
	}
	k = check_trust(dir, S_IFDIR, err);
	if (k < 0) {
		return k;
	}
	n = scandir(dir, &list, is_plugin, alphasort);
	if (n < 0) {
		snprintf(err->msg, sizeof(err->msg), "%s: %s", dir, strerror(errno));
		return -errno;
	}
	for (int i = 0; i < n; i++) {
		CLEANUP_FREE char *path = NULL;

		if (k == 0) {
			k = asprintf(&path, "%s/%s", dir, list[i]->d_name) < 0
				    ? -ENOMEM
				    : load_file(r, path, err);
		}
		free(list[i]);
	}
	free(list);
	if (k == 0) {
		free(r->loaded);
		r->loaded = strdup(dir);
		return 0;
	}
	r->n_backends = backends; /* all of the directory or nothing */
	r->n_services = services;
	unload(r, handles);
	return k;
}

/* A plugin that is installed is loaded when its transport or service is named for the first
 * time, so that who does not use it has nothing of it. What it brings has its own name. */
static void load_installed(struct registry *r, const char *name)
{
	const size_t handles = r->n_handles;
	char path[PATH_MAX];
	struct rv_err err;
	size_t n = strlen(name);

	if (!r->installed || !rv_token_valid(name, n) ||
		snprintf(path, sizeof(path), "%s/%s.so", r->installed, name) >= (int)sizeof(path) ||
		access(path, F_OK) < 0) {
		return;
	}
	if (check_trust(r->installed, S_IFDIR, &err) < 0 || load_file(r, path, &err) < 0) {
		log_error("%s", err.msg);
		unload(r, handles);
	}
}

static const struct rv_backend_ops *find_backend(void *ctx, const char *name)
{
	const struct rv_backend_ops *ops = loaded_backend(ctx, name);

	if (!ops) {
		load_installed(ctx, name);
		ops = loaded_backend(ctx, name);
	}
	return ops;
}

static const struct rv_service_ops *find_service(void *ctx, const char *name)
{
	const struct rv_service_ops *ops = loaded_service(ctx, name);

	if (!ops) {
		load_installed(ctx, name);
		ops = loaded_service(ctx, name);
	}
	return ops;
}

struct config_registry registry_for_config(struct registry *r)
{
	return (struct config_registry){
		.ctx = r,
		.load_plugins = load_directory,
		.backend = find_backend,
		.service = find_service,
		.backend_name = backend_name,
		.service_name = service_name,
	};
}

int registry_create(const struct rv_backend_ops *const *backends,
	const struct rv_service_ops *const *services, const char *installed, struct registry **ret)
{
	struct registry *r = calloc(1, sizeof(*r));
	struct rv_err err;

	if (!r) {
		return -ENOMEM;
	}
	r->installed = installed;
	r->backends = backends;
	r->services = services;
	for (size_t i = 0; backends[i]; i++) {
		if (check_backend(backends[i], backends[i]->name, &err) < 0) {
			log_error("%s", err.msg);
			abort(); /* a bug of ours, seen at the first start */
		}
	}
	for (size_t i = 0; services[i]; i++) {
		if (check_service(services[i], services[i]->name, &err) < 0) {
			log_error("%s", err.msg);
			abort();
		}
	}
	*ret = r;
	return 0;
}

void registry_finish_backends(const struct registry *r)
{
	const struct rv_backend_ops *ops;

	for (size_t i = 0; (ops = backend_at(r, i)); i++) {
		if (ops->size > offsetof(struct rv_backend_ops, finish) && ops->finish) {
			ops->finish();
		}
	}
}

void registry_destroy(struct registry *r)
{
	if (!r) {
		return;
	}
	registry_finish_backends(r);
	unload(r, 0);
	free(r->loaded);
	free(r);
}
