#include "config/load_service.h"

#include <errno.h>
#include <string.h>
#include "config/names.h"
#include "util/suggest.h"
#include "config/tables.h"

static const struct config_service *find_made(const struct loader *l, const char *name)
{
	const struct config *c = &l->priv->config;

	for (size_t i = 0; i < c->n_services; i++) {
		if (strcmp(c->services[i].name, name) == 0) {
			return &c->services[i];
		}
	}
	return NULL;
}

static void suggest_types(const struct loader *l, struct suggest *like)
{
	const char *name;

	for (size_t i = 0; (name = l->registry->service_name(l->registry->ctx, i)); i++) {
		suggest_add(like, name);
	}
}

static void suggest_services(const struct loader *l, struct suggest *like)
{
	const struct config *c = &l->priv->config;
	const char *name;

	for (size_t i = 0; i < c->n_services; i++) {
		suggest_add(like, c->services[i].name);
	}
	for (size_t i = 0; (name = l->registry->service_name(l->registry->ctx, i)); i++) {
		if (!find_made(l, name)) {
			suggest_add(like, name);
		}
	}
}

/* Which section or value to blame for the type, that may have been left out. */
static const struct rv_service_ops *find_type(
	struct loader *l, const struct ini_section *s, const char *type)
{
	const struct rv_service_ops *ops = l->registry->service(l->registry->ctx, type);
	const struct ini_value *v = ini_find_value(s, "type");
	char q[QUOTE_TEXT], mean[SUGGEST_LIST];
	struct suggest like;

	if (ops || (s->damaged && (!v || !v->text[0]))) {
		return ops;
	}
	suggest_init(&like, type);
	suggest_types(l, &like);
	quote(type, q);
	suggest_or_list(&like, mean);
	if (v && v->text[0]) {
		diags_add(&l->diags, &v->at, "type: there is no service %s%s", q, mean);
	} else {
		diags_add(&l->diags, &s->at, "there is no service %s%s%s", q, mean,
			like.best ? "" : "; if it is a name of your own, add 'type = ...'");
	}
	return NULL;
}

static void check_service(struct loader *l, const struct config_service *svc,
	const struct ini_section *s, const struct origin *at)
{
	struct rv_err err = {""};
	int r = svc->ops->check ? svc->ops->check(svc->values, &err) : 0;
	const char *why = err.msg[0] ? err.msg : strerror(-r);
	const struct ini_value *v = s && err.key ? ini_find_value(s, err.key) : NULL;

	if (r < 0 && v) {
		diags_add(&l->diags, &v->at, "%s: %s", err.key, why);
	} else if (r < 0) {
		diags_add(&l->diags, at, "service '%s': %s", svc->name, why);
	}
}

/* The keys of the service's own table. s: NULL if it has no section. */
static int fill_service(struct loader *l, struct config_service *svc, const struct ini_section *s,
	const struct origin *at, size_t errors)
{
	const struct keys known = {
		service_options, svc->ops->options, "service", svc->ops->name, NULL};
	struct settings *rows = &l->priv->services[svc - l->priv->config.services];

	svc->values = arena_alloc(&l->priv->arena, svc->ops->config_size);
	if (!svc->values) {
		return -ENOMEM;
	}
	names_check_keys(l, s, &known, NULL);
	schema_fill(&l->schema, svc->ops->options, s, svc->values, rows);
	if (l->diags.n == errors && !l->schema.no_memory) {
		check_service(l, svc, s, at);
	}
	return 0;
}

static int make_service(
	struct loader *l, const char *name, const struct ini_section *s, const struct origin *at)
{
	struct config *c = &l->priv->config;
	struct config_service *svc = &c->services[c->n_services];
	struct settings *rows = &l->priv->services[c->n_services];
	const struct ini_value *type = s ? ini_find_value(s, "type") : NULL;
	const char *type_name = type && type->text[0] ? type->text : name;
	struct service_keys keys = {0};
	size_t errors = l->diags.n;
	int r;

	*svc = (struct config_service){.name = name, .file = at->file, .line = at->line};
	svc->ops = s ? find_type(l, s, type_name) : l->registry->service(l->registry->ctx, name);
	r = schema_rows(&l->schema, rows, service_options, svc->ops ? svc->ops->options : NULL);
	if (r < 0) {
		return r;
	}
	c->n_services++;
	schema_fill(&l->schema, service_options, s, &keys, rows);
	rows->rows[0].text = type_name;
	svc->timeout = keys.timeout;
	return svc->ops ? fill_service(l, svc, s, at, errors) : 0;
}

static const struct config_service *report_missing(
	struct loader *l, const char *name, const struct origin *at)
{
	char q[QUOTE_TEXT], mean[SUGGEST_LIST];
	struct suggest like;

	suggest_init(&like, name);
	suggest_services(l, &like);
	diags_add(&l->diags, at, "service: there is no service %s%s", quote(name, q),
		suggest_or_list(&like, mean));
	return NULL;
}

const struct config_service *load_find_service(
	struct loader *l, const char *name, const struct origin *at)
{
	static const struct origin nowhere = {.file = "(default)"};
	const struct config_service *made = find_made(l, name);

	if (made) {
		return made;
	}
	if (!l->registry->service(l->registry->ctx, name)) {
		return report_missing(l, name, at);
	}
	if (make_service(l, name, NULL, &nowhere) < 0) {
		l->schema.no_memory = true;
		return NULL;
	}
	return find_made(l, name);
}

/* Each section may bring a service, and each endpoint may use one without section. */
static int make_room(struct loader *l)
{
	struct config_private *p = l->priv;
	size_t n = 0;

	for (const struct ini_section *s = l->ini.sections; s; s = s->next) {
		n++;
	}
	p->config.services = arena_alloc(&p->arena, n * sizeof(p->config.services[0]));
	p->services = arena_alloc(&p->arena, n * sizeof(p->services[0]));
	return p->config.services && p->services ? 0 : -ENOMEM;
}

static bool says_something(const struct ini_section *s)
{
	const struct ini_value *v = s->values;

	while (v && !v->text[0]) {
		v = v->next;
	}
	return v;
}

static bool is_used(const struct config *c, const struct config_service *svc)
{
	for (size_t i = 0; i < c->n_endpoints; i++) {
		if (c->endpoints[i].service == svc) {
			return true;
		}
	}
	return false;
}

void load_warn_unused_services(struct loader *l)
{
	for (const struct ini_section *s = l->ini.sections; s; s = s->next) {
		const char *name = names_service(s);
		const struct config_service *svc = name ? find_made(l, name) : NULL;

		if (svc && says_something(s) && !is_used(&l->priv->config, svc)) {
			diags_warn(&l->diags, &s->at,
				"[%s] is used by no endpoint: none has 'service = %s'", s->name,
				name);
		}
	}
}

int load_services(struct loader *l)
{
	int r = make_room(l);

	for (const struct ini_section *s = l->ini.sections; r == 0 && s; s = s->next) {
		const char *name = names_service(s);

		if (name && names_check(l, s, name)) {
			r = make_service(l, name, s, &s->at);
		}
	}
	return r;
}
