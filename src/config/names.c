#include "config/names.h"

#include <stdio.h>
#include <string.h>
#include "util/suggest.h"
#include "config/tables.h"

#define ENDPOINT_PREFIX "endpoint."
#define SERVICE_PREFIX "service."
#define NAME_BYTES 64

static const char *behind(const char *prefix, const struct ini_section *s)
{
	size_t n = strlen(prefix);

	return strncmp(s->name, prefix, n) == 0 ? s->name + n : NULL;
}

const char *names_endpoint(const struct ini_section *s)
{
	return behind(ENDPOINT_PREFIX, s);
}

const char *names_service(const struct ini_section *s)
{
	return behind(SERVICE_PREFIX, s);
}

bool config_is_name(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n > 0 && n <= NAME_BYTES && !s[n] && s[0] != '.';
}

bool names_check(struct loader *l, const struct ini_section *s, const char *name)
{
	char q[QUOTE_TEXT];

	if (config_is_name(name)) {
		return true;
	}
	diags_add(&l->diags, &s->at,
		"bad name %s: 1 to %d of A-Z a-z 0-9 _ . - and no dot in front", quote(name, q),
		NAME_BYTES);
	return false;
}

/* What is misspelt is the word up to the first dot; the rest is a name. */
static void report_section(struct loader *l, const struct ini_section *s)
{
	size_t n = strcspn(s->name, ".");
	char *kind = arena_strndup(&l->priv->arena, s->name, n);
	char q[QUOTE_TEXT], rest[QUOTE_TEXT];
	struct suggest like;

	if (!kind) {
		l->diags.no_memory = true;
		return;
	}
	suggest_init(&like, kind);
	suggest_add(&like, "endpoint");
	suggest_add(&like, "service");
	suggest_add(&like, NAMES_GLOBAL);
	quote(s->name, q);
	if (!like.best) {
		diags_add(&l->diags, &s->at,
			"unknown section %s, there are [revd], [endpoint.NAME] and [service.NAME]",
			q);
	} else if (strcmp(like.best, NAMES_GLOBAL) == 0) {
		diags_add(
			&l->diags, &s->at, "unknown section %s, did you mean '%s'?", q, like.best);
	} else {
		rv_quote(s->name + n, strlen(s->name + n), rest, sizeof(rest));
		diags_add(&l->diags, &s->at, "unknown section %s, did you mean '%s%s?", q,
			like.best, s->name[n] ? rest + 1 : ".NAME'");
	}
}

void names_check_sections(struct loader *l)
{
	for (const struct ini_section *s = l->ini.sections; s; s = s->next) {
		if (strcmp(s->name, NAMES_GLOBAL) != 0 && !names_endpoint(s) && !names_service(s)) {
			report_section(l, s);
		}
	}
}

static void suggest_options(struct suggest *s, const struct rv_option *table)
{
	for (; table && table->key; table++) {
		suggest_add(s, table->key);
	}
}

static void report_key(struct loader *l, const struct keys *k, const struct ini_value *v,
	const struct suggest *like)
{
	const char *owner = k->name && k->owner ? k->owner(l, v->key) : NULL;
	char q[QUOTE_TEXT], mean[SUGGEST_TEXT];

	quote(v->key, q);
	if (owner) {
		diags_add(&l->diags, &v->at, "unknown key %s for %s %s (it is for %s)", q, k->kind,
			k->name, owner);
	} else if (like->best || !k->name) {
		diags_add(&l->diags, &v->at, "unknown key %s%s", q, suggest_text(like, mean));
	} else {
		diags_add(&l->diags, &v->at, "unknown key %s for %s %s", q, k->kind, k->name);
	}
}

bool names_check_keys(
	struct loader *l, const struct ini_section *s, const struct keys *k, const char *wanted)
{
	bool found = false;

	for (const struct ini_value *v = s ? s->values : NULL; v; v = v->next) {
		struct suggest like;

		if (option_find(k->common, v->key) || option_find(k->own, v->key) ||
			(!k->name && k->owner && k->owner(l, v->key))) {
			continue; /* no name: whose key it is can't be told */
		}
		suggest_init(&like, v->key);
		suggest_options(&like, k->common);
		suggest_options(&like, k->own);
		report_key(l, k, v, &like);
		found |= wanted && like.best && strcmp(like.best, wanted) == 0;
	}
	return found;
}
