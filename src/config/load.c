#include "config/load.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include "config/claims.h"
#include "config/load_endpoint.h"
#include "config/load_service.h"
#include "config/names.h"
#include "config/source.h"
#include "util/suggest.h"
#include "config/tables.h"

#define RUNTIME_DIR "/run/revd"

static uint64_t count_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return MAX(1u, MIN((uint64_t)n, workers_option.max));
}

/* `workers` is a number or "auto", for which options have no type. */
static void read_workers(struct loader *l, struct global_keys *keys, const struct ini_value *v)
{
	static const struct origin nowhere = {.file = "(default)"};

	const struct origin *at = v ? &v->at : &nowhere;
	char q[QUOTE_TEXT];

	if (!keys->workers) {
		return; /* no memory, which schema has noted */
	}
	if (strcmp(keys->workers, "auto") == 0) {
		keys->global.workers = count_cpus();
	} else if (!strchr("-0123456789", keys->workers[0])) {
		diags_add(&l->diags, at, "workers: %s is neither a number nor 'auto'%s",
			quote(keys->workers, q), suggest_hint(keys->workers));
	} else {
		schema_parse(&l->schema, &workers_option, keys->workers, at, keys);
	}
}

/* Plugins may bring the transports and services that the other sections name. */
static void load_plugins(struct loader *l, const char *dir, const struct ini_value *v)
{
	const struct origin at = v ? v->at : (struct origin){.file = "(default)"};
	struct rv_err err = {""};
	int r;

	if (!l->registry->load_plugins) {
		return;
	}
	r = l->registry->load_plugins(l->registry->ctx, dir, &err);
	if (r < 0) {
		diags_add(&l->diags, &at, "plugin_dir: %s", err.msg[0] ? err.msg : strerror(-r));
	}
}

static int load_global(struct loader *l)
{
	static const struct keys known = {.common = global_options};
	const struct ini_section *s = ini_find_section(&l->ini, NAMES_GLOBAL);
	struct global_keys keys = {0};
	size_t errors = l->diags.n;
	int r = schema_rows(&l->schema, &l->priv->global, global_options, NULL);

	if (r < 0) {
		return r;
	}
	names_check_keys(l, s, &known, NULL);
	schema_fill(&l->schema, global_options, s, &keys, &l->priv->global);
	read_workers(l, &keys, s ? ini_find_value(s, "workers") : NULL);
	keys.global.log_level += LOG_ERR;
	l->priv->config.global = keys.global;
	load_plugins(l, l->diags.n == errors ? keys.global.plugin_dir : "",
		s ? ini_find_value(s, "plugin_dir") : NULL);
	return 0;
}

/* No file: an endpoint for each transport, all of whose keys have their defaults. */
static int add_defaults(struct loader *l)
{
	static const char *const transports[] = {"uds", "fifo", "mqueue"};
	const struct origin nowhere = {.file = LOADER_DEFAULT, .rank = l->ini.n_files++};

	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		const char *name = arena_printf(&l->priv->arena, "endpoint.%s", transports[i]);
		struct ini_section *s;

		if (!l->registry->backend(l->registry->ctx, transports[i])) {
			continue;
		}
		s = name ? ini_add_section(&l->ini, name, &nowhere) : NULL;
		if (!s || !ini_add_value(&l->ini, s, "transport", transports[i], &nowhere)) {
			return -ENOMEM;
		}
	}
	return 0;
}

static bool has_endpoint(const struct loader *l)
{
	for (const struct ini_section *s = l->ini.sections; s; s = s->next) {
		if (names_endpoint(s)) {
			return true;
		}
	}
	return l->diags.n > 0; /* it may have been meant */
}

static int note_defaults(struct loader *l, const char *file, bool missing)
{
	const char *what = file ? arena_printf(&l->priv->arena,
					  missing ? "the built-in default (there is no %s)"
						  : "the built-in default (no endpoint is in %s)",
					  file)
				: "the built-in default";

	return what ? ini_note_read(&l->ini, what) : -ENOMEM;
}

static int read_text(struct loader *l, const char *what, const char *text)
{
	return ini_read(&l->ini, what, text, strlen(text));
}

/* All texts, in the order in which later ones override earlier ones. */
static int read_all(struct loader *l, const struct config_source *src, uid_t uid)
{
	bool missing = false;
	int r = 0;

	if (src->text) {
		return read_text(l, "(built-in)", src->text);
	}
	if (src->file) {
		r = source_read_file(&l->ini, src->file, uid, src->optional ? &missing : NULL);
	}
	if (r == 0 && (!src->file || missing || (src->optional && !has_endpoint(l)))) {
		r = add_defaults(l);
		if (r == 0) {
			r = note_defaults(l, src->file, missing);
		}
	}
	if (r == 0 && src->file) {
		r = source_read_drop_ins(&l->ini, src->file, uid);
	}
	return r;
}

static int load_all(struct loader *l, const struct config_source *src, uid_t uid)
{
	const struct origin whole = {.file = src->file ? src->file : "(default)"};
	size_t files_wrong;
	int r = read_all(l, src, uid);

	if (r == 0 && src->more) {
		r = read_text(l, "(inherited)", src->more);
	}
	files_wrong = l->diags.n;
	if (r == 0) {
		r = load_global(l);
	}
	if (r == 0) {
		names_check_sections(l);
		r = load_services(l);
	}
	if (r == 0) {
		r = load_endpoints(l, src->defaults);
	}
	if (r == 0) {
		load_warn_unused_services(l);
	}
	if (r < 0 || l->diags.no_memory || l->schema.no_memory) {
		return -ENOMEM;
	}
	if (l->priv->config.n_endpoints == 0 && files_wrong == 0 && l->diags.n == 0) {
		diags_add(&l->diags, &whole, "no [endpoint.NAME] section");
	}
	l->priv->config.origin = l->ini.read;
	l->priv->config.n_warnings = l->diags.n_warnings;
	l->priv->config.warnings = diags_warnings(&l->diags, &l->priv->arena);
	return l->priv->config.warnings ? 0 : -ENOMEM;
}

/* Queues have no directories, and all users share their names: a daemon that has its
 * paths elsewhere than the system's has the user in the name of its queue. */
static const char *default_queue(struct arena *a, const char *runtime_dir, uid_t uid)
{
	if (uid == 0 || strcmp(runtime_dir, RUNTIME_DIR) == 0) {
		return arena_strdup(a, "/revd");
	}
	return arena_printf(a, "/revd-%lu", (unsigned long)uid);
}

static int loader_init(struct loader *l, const struct config_registry *registry,
	const char *runtime_dir, uid_t uid)
{
	*l = (struct loader){.priv = calloc(1, sizeof(*l->priv)), .registry = registry};
	if (!l->priv) {
		return -ENOMEM;
	}
	l->priv->config.priv = l->priv;
	l->ini = (struct ini){.arena = &l->priv->arena, .diags = &l->diags};
	l->schema = (struct schema){.arena = &l->priv->arena, .diags = &l->diags};
	l->schema.runtime_dir =
		arena_strdup(&l->priv->arena, runtime_dir ? runtime_dir : RUNTIME_DIR);
	if (l->schema.runtime_dir) {
		l->schema.queue = default_queue(&l->priv->arena, l->schema.runtime_dir, uid);
	}
	return l->schema.queue ? 0 : -ENOMEM;
}

static void loader_finish(struct loader *l)
{
	diags_finish(&l->diags);
	claims_finish(l);
	config_destroy(l->priv ? &l->priv->config : NULL);
}

int load_as(uid_t uid, const struct config_source *src, const struct config_registry *registry,
	struct config **ret, struct config_errors *errs)
{
	CLEANUP(loader_finish) struct loader l;
	int r = loader_init(&l, registry, src->runtime_dir, uid);

	if (r == 0) {
		r = load_all(&l, src, uid);
	}
	diags_report(&l.diags, errs);
	if (r < 0) {
		return r;
	}
	if (l.diags.n > 0) {
		return -EINVAL;
	}
	*ret = &TAKE_PTR(l.priv)->config;
	return 0;
}

int config_load(const struct config_source *src, const struct config_registry *registry,
	struct config **ret, struct config_errors *errs)
{
	return load_as(geteuid(), src, registry, ret, errs);
}

void config_destroy(struct config *c)
{
	struct config_private *p = c ? c->priv : NULL;

	if (p) {
		arena_finish(&p->arena);
		free(p);
	}
}

const struct config_endpoint *config_find_name(const struct config *c, const char *name)
{
	struct arena arena = {0};
	const char *real = claims_resolve(&arena, name);
	const struct config_endpoint *found = NULL;

	for (size_t i = 0; real && !found && i < c->n_endpoints; i++) {
		const struct config_endpoint *e = &c->endpoints[i];

		for (size_t k = 0; !found && k < e->n_names; k++) {
			found = strcmp(e->names[k], real) == 0 ? e : NULL;
		}
	}
	arena_finish(&arena);
	return found;
}

const struct config_endpoint *config_find_endpoint(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_endpoints; i++) {
		if (strcmp(c->endpoints[i].name, name) == 0) {
			return &c->endpoints[i];
		}
	}
	return NULL;
}
