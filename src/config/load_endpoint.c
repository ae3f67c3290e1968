#include "config/load_endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config/claims.h"
#include "config/load_service.h"
#include "config/names.h"
#include "util/suggest.h"
#include <sys/stat.h>
#include "config/tables.h"

/* Where the key stands, or its section if it has been left out. */
static const struct origin *place_of(const struct ini_section *s, const char *key)
{
	const struct ini_value *v = ini_find_value(s, key);

	return v ? &v->at : &s->at;
}

static const char *text_of(const struct ini_section *s, const char *key)
{
	const struct ini_value *v = ini_find_value(s, key);

	return v ? v->text : "";
}

/* The first transport that has a key of that name. */
static const char *key_owner(struct loader *l, const char *key)
{
	const struct config_registry *reg = l->registry;
	const char *name;

	for (size_t i = 0; (name = reg->backend_name(reg->ctx, i)); i++) {
		const struct rv_backend_ops *ops = reg->backend(reg->ctx, name);

		if (ops && option_find(ops->options, key)) {
			return arena_printf(&l->priv->arena, "transport %s", name);
		}
	}
	return NULL;
}

static const struct rv_backend_ops *find_backend(struct loader *l, const struct ini_section *s)
{
	const struct config_registry *reg = l->registry;
	const char *transport = text_of(s, "transport"), *name;
	const struct rv_backend_ops *ops = reg->backend(reg->ctx, transport);
	char q[QUOTE_TEXT], mean[SUGGEST_LIST];
	struct suggest like;

	if (ops || !*transport) {
		return ops;
	}
	suggest_init(&like, transport);
	for (size_t i = 0; (name = reg->backend_name(reg->ctx, i)); i++) {
		suggest_add(&like, name);
	}
	diags_add(&l->diags, place_of(s, "transport"), "transport: there is no transport %s%s",
		quote(transport, q), suggest_or_list(&like, mean));
	return NULL;
}

/* Without a transport nobody knows whose the other keys are, so those of any
 * transport pass: one mistake is reported once. */
static void check_without_backend(struct loader *l, const struct ini_section *s)
{
	const struct keys known = {.common = endpoint_options, .owner = key_owner};
	bool misspelt = names_check_keys(l, s, &known, "transport");

	if (!misspelt && !s->damaged && !*text_of(s, "transport")) {
		diags_add(&l->diags, &s->at, "[%s] has no transport", s->name);
	}
}

static bool applies(const struct rv_option *o, const struct rv_backend_ops *ops)
{
	uint32_t cap = endpoint_option_cap(o);

	return (ops->caps & cap) == cap;
}

/* Keys that mean nothing on this transport are refused, and not in the dump. */
static void drop_keys(struct loader *l, const struct ini_section *s,
	const struct rv_backend_ops *ops, struct settings *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct rv_option *o = rows->rows[i].option;

		if (applies(o, ops)) {
			rows->rows[n++] = rows->rows[i];
		} else if (rows->rows[i].file) {
			diags_add(&l->diags, place_of(s, o->key),
				"%s: it means nothing for transport %s", o->key, ops->name);
		}
	}
	rows->n = n;
}

/* What the keys of all endpoints say, in the form that the host wants. */
static void take_keys(struct config_endpoint *e, const struct endpoint_keys *k,
	const struct config_global *global)
{
	e->info = (struct rv_endpoint_info){
		.name = e->name,
		.mode = k->mode,
		.out_mode = k->out_mode,
		.owner = k->owner,
		.group = k->group,
		.max_peers = k->max_peers,
		.max_request = global->max_request,
	};
	e->max_peers_per_uid = k->max_peers_per_uid;
	e->max_inflight = k->max_inflight;
	e->idle_timeout = k->idle_timeout;
	e->slow_timeout = k->slow_timeout;
	e->spin = k->spin;
}

/* An unset mode is the transport's own, in the dump too. */
static void default_mode(struct loader *l, struct config_endpoint *e, struct setting *row)
{
	if (*row->text) {
		return;
	}
	e->info.mode = e->ops->default_mode;
	row->text = arena_printf(&l->priv->arena, "%04o", (unsigned)e->info.mode);
	l->schema.no_memory |= !row->text;
}

static void check_values(struct loader *l, struct config_endpoint *e, const struct ini_section *s)
{
	struct rv_err err = {""};
	int r = e->ops->check ? e->ops->check(e->values, &err) : 0;
	const char *why = err.msg[0] ? err.msg : strerror(-r);

	if (r < 0 && err.key) {
		diags_add(&l->diags, place_of(s, err.key), "%s: %s", err.key, why);
		return;
	}
	if (r < 0) {
		diags_add(&l->diags, &s->at, "endpoint '%s': %s", e->name, why);
		return;
	}
	if (e->ops->address) {
		e->ops->address(e->values, e->address, sizeof(e->address));
	} else {
		snprintf(e->address, sizeof(e->address), "%s:", e->ops->name);
	}
}

/* The key that says where an endpoint is, by convention the first that can. */
static const char *address_key(const struct rv_backend_ops *ops)
{
	for (const struct rv_option *o = ops->options; o && o->key; o++) {
		if (o->type == RV_PATH || o->type == RV_QUEUE) {
			return o->key;
		}
	}
	return "transport";
}

/* Who may read a name that is shared reads what others ask. */
static void check_mode(
	struct loader *l, const struct config_endpoint *e, const struct ini_section *s)
{
	if ((e->ops->caps & RV_CAP_REPLY_TO) && (e->info.mode & (S_IRGRP | S_IROTH))) {
		diags_warn(&l->diags, place_of(s, "mode"),
			"mode: %04o lets others read, and who reads takes requests away from revd; "
			"%04o lets the same ask",
			(unsigned)e->info.mode,
			(unsigned)e->info.mode & ~(unsigned)(S_IRGRP | S_IROTH));
	}
}

/* What the values mean together, if each of them is right. */
static int judge_endpoint(
	struct loader *l, struct config_endpoint *e, const struct ini_section *s, size_t errors)
{
	const char *key = address_key(e->ops);

	if (l->diags.n != errors || s->damaged) {
		return 0;
	}
	check_values(l, e, s);
	return l->diags.n == errors ? claims_add(l, e, place_of(s, key), key) : 0;
}

static int fill_endpoint(struct loader *l, struct config_endpoint *e, const struct ini_section *s,
	struct settings *rows)
{
	const struct keys known = {
		endpoint_options, e->ops->options, "transport", e->ops->name, key_owner};
	struct endpoint_keys keys = {0};
	size_t errors = l->diags.n;

	e->values = arena_alloc(&l->priv->arena, e->ops->config_size);
	if (!e->values) {
		return -ENOMEM;
	}
	names_check_keys(l, s, &known, NULL);
	schema_fill(&l->schema, endpoint_options, s, &keys, rows);
	take_keys(e, &keys, &l->priv->config.global);
	default_mode(l, e, &rows->rows[option_find(endpoint_options, "mode") - endpoint_options]);
	drop_keys(l, s, e->ops, rows);
	schema_fill(&l->schema, e->ops->options, s, e->values, rows);
	if (l->schema.no_memory) {
		return -ENOMEM;
	}
	e->service = load_find_service(l, keys.service, place_of(s, "service"));
	check_mode(l, e, s);
	return judge_endpoint(l, e, s, errors);
}

static int make_endpoint(struct loader *l, const struct ini_section *s, const char *name)
{
	struct config *c = &l->priv->config;
	struct config_endpoint *e = &c->endpoints[c->n_endpoints];
	struct settings *rows = &l->priv->endpoints[c->n_endpoints];
	int r;

	*e = (struct config_endpoint){.name = name, .file = s->at.file, .line = s->at.line};
	e->ops = find_backend(l, s);
	if (!e->ops) {
		check_without_backend(l, s);
		return 0;
	}
	r = schema_rows(&l->schema, rows, endpoint_options, e->ops->options);
	if (r < 0) {
		return r;
	}
	c->n_endpoints++;
	return fill_endpoint(l, e, s, rows);
}

/* Is it an endpoint of the built-in default, which is not wanted? */
static bool is_left_out(const struct ini_section *s, const char *name, const char *defaults)
{
	char word[16];

	if (!defaults || strcmp(s->at.file, LOADER_DEFAULT) != 0 ||
		strcmp(s->last.file, LOADER_DEFAULT) != 0) {
		return false;
	}
	snprintf(word, sizeof(word), " %s ", name);
	return strstr(defaults, word) == NULL;
}

int load_endpoints(struct loader *l, const char *defaults)
{
	struct config_private *p = l->priv;
	size_t n = 0;
	int r = 0;

	for (const struct ini_section *s = l->ini.sections; s; s = s->next) {
		n++;
	}
	p->config.endpoints = arena_alloc(&p->arena, n * sizeof(p->config.endpoints[0]));
	p->endpoints = arena_alloc(&p->arena, n * sizeof(p->endpoints[0]));
	if (!p->config.endpoints || !p->endpoints) {
		return -ENOMEM;
	}
	for (const struct ini_section *s = l->ini.sections; r == 0 && s; s = s->next) {
		const char *name = names_endpoint(s);

		if (name && !is_left_out(s, name, defaults) && names_check(l, s, name)) {
			r = make_endpoint(l, s, name);
		}
	}
	return r;
}
