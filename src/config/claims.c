#include "config/claims.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES (PATH_MAX + 32) /* the longest path and what is put behind or before it */
#define NAMES_MAX 8                /* of one endpoint */

/* Who has a name; a node of the search tree. */
struct claim {
	const char *name;
	const struct config_endpoint *owner;
	const struct origin *at;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->name, ((const struct claim *)b)->name);
}

static bool is_file(const char *name)
{
	return name[0] == '/';
}

/* The directory that a file's name lies in. NULL: no memory. */
static char *directory_of(struct arena *a, const char *name)
{
	size_t n = (size_t)(strrchr(name, '/') - name);

	return arena_strndup(a, name, n ? n : 1);
}

/* What is not there stays as it is. */
const char *claims_resolve(struct arena *a, const char *name)
{
	char *dir = is_file(name) ? directory_of(a, name) : NULL;
	CLEANUP_FREE char *real = dir ? realpath(dir, NULL) : NULL;

	return real ? arena_printf(a, "%s%s", real[1] ? real : "", strrchr(name, '/'))
		    : arena_strdup(a, name);
}

static bool name_at(const struct config_endpoint *e, size_t i, char *buf, size_t size)
{
	const struct rv_backend_ops *ops = e->ops;

	if (ops->size > offsetof(struct rv_backend_ops, name_at) && ops->name_at) {
		return ops->name_at(e->values, i, buf, size);
	}
	if (i == 0 && ops->address) {
		ops->address(e->values, buf, size); /* whole, which e->address need not be */
	} else if (i == 0) {
		snprintf(buf, size, "%s", e->address);
	}
	return i == 0;
}

static int collect(struct loader *l, struct config_endpoint *e)
{
	struct arena *a = &l->priv->arena;
	const char **names = arena_alloc(a, NAMES_MAX * sizeof(*names));
	CLEANUP_FREE char *buf = malloc(NAME_BYTES);

	e->names = names;
	if (!names || !buf) {
		return -ENOMEM;
	}
	while (e->n_names < NAMES_MAX && name_at(e, e->n_names, buf, NAME_BYTES)) {
		names[e->n_names] = claims_resolve(a, buf);
		if (!names[e->n_names++]) {
			return -ENOMEM;
		}
	}
	return 0;
}

static void report_taken(
	struct loader *l, const struct claim *mine, const struct claim *other, const char *key)
{
	char q[QUOTE_TEXT];

	diags_add(&l->diags, mine->at, "%s: %s is taken by endpoint '%s' at %s:%u", key,
		quote(mine->name, q), other->owner->name, other->at->file, other->at->line);
}

/* False: another endpoint has it. */
static int claim(struct loader *l, const struct claim *new, const char *key, bool *ret_free)
{
	struct claim *mine = arena_alloc(&l->priv->arena, sizeof(*mine));
	struct claim **found;

	if (!mine) {
		return -ENOMEM;
	}
	*mine = *new;
	found = tsearch(mine, &l->claims, compare);
	if (!found) {
		return -ENOMEM;
	}
	*ret_free = *found == mine || (*found)->owner == new->owner;
	if (!*ret_free) {
		report_taken(l, mine, *found, key);
	}
	return 0;
}

/* The address, by what is there now: revd will make the name, not its directory. */
static void check_file(struct loader *l, const char *name, const struct origin *at, const char *key)
{
	const char *dir = directory_of(&l->priv->arena, name);
	char q[QUOTE_TEXT];
	struct stat st;

	if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
		diags_add(&l->diags, at, "%s: %s is a directory, name a file in it", key,
			quote(name, q));
		return;
	}
	if (!strrchr(name, '/')[1]) {
		diags_add(&l->diags, at, "%s: %s ends in a slash, name a file behind it", key,
			quote(name, q));
		return;
	}
	if (!dir || strcmp(dir, l->schema.runtime_dir) == 0) {
		return; /* which revd makes */
	}
	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) {
		diags_add(&l->diags, at, "%s: %s is not a directory", key, quote(dir, q));
	} else if (access(dir, F_OK) < 0 && errno == ENOENT) {
		diags_warn(&l->diags, at, "%s: there is no directory %s; make it before the start",
			key, quote(dir, q));
	}
}

int claims_add(
	struct loader *l, struct config_endpoint *e, const struct origin *at, const char *key)
{
	int r = collect(l, e);
	bool is_free = true;

	for (size_t i = 0; r == 0 && is_free && i < e->n_names; i++) {
		const struct claim new = {.name = e->names[i], .owner = e, .at = at};

		r = claim(l, &new, key, &is_free);
	}
	if (r == 0 && is_free && e->n_names > 0 && is_file(e->names[0])) {
		check_file(l, e->names[0], at, key);
	}
	return r;
}

static void keep(void *node)
{
	(void)node; /* it is the arena's */
}

void claims_finish(struct loader *l)
{
	tdestroy(l->claims, keep);
	l->claims = NULL;
}
