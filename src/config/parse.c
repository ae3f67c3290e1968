#include "config/parse.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "config/errors.h"
#include "util/suggest.h"
#include "util/num.h"

struct parse {
	struct arena *arena;
	const struct rv_option *option;
	const char *text;
	void *field;
	char *why;
};

PRINTF(2, 3) static int refuse(struct parse *p, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, PARSE_WHY, fmt, ap);
	va_end(ap);
	n = strlen(p->why);
	snprintf(p->why + n, PARSE_WHY - n, "%s", suggest_hint(p->text));
	return -EINVAL;
}

/* No number of ours has a sign, so such a one is out of range whatever it is. */
static bool is_negative(const char *text)
{
	return text[0] == '-' && text[1] >= '0' && text[1] <= '9';
}

/* A bound as people write it. buf: NUM_TEXT. */
static void format_number(enum rv_type type, uint64_t v, char *buf)
{
	switch (type) {
	case RV_SIZE:
		num_format_size(v, buf);
		break;
	case RV_TIME:
		num_format_time(v, buf);
		break;
	default:
		snprintf(buf, NUM_TEXT, "%llu", (unsigned long long)v);
	}
}

/* What the numbers need: how to read them and how to name them. */
struct number {
	int (*parse)(const char *, uint64_t *);
	bool (*suggest)(const char *, char *buf);
	const char *what;
	const char *units; /* NULL: it has none */
};

static const struct number numbers[] = {
	[RV_UINT] = {num_parse_uint, NULL, "a number", NULL},
	[RV_SIZE] = {num_parse_size, num_suggest_size, "a size such as 64K", "B, K, M or G"},
	[RV_TIME] = {num_parse_time, num_suggest_time, "a time such as 10s", "us, ms, s, min or h"},
};

static int refuse_range(struct parse *p)
{
	const struct rv_option *o = p->option;
	char q[QUOTE_TEXT], low[NUM_TEXT], high[NUM_TEXT];

	format_number(o->type, o->min, low);
	format_number(o->type, o->max, high);
	quote(p->text, q);
	return o->max ? refuse(p, "%s is out of range, %s to %s", q, low, high)
		      : refuse(p, "%s is out of range, the least is %s", q, low);
}

static int refuse_number(struct parse *p, const struct number *n)
{
	char q[QUOTE_TEXT], meant[NUM_TEXT];

	quote(p->text, q);
	if (!n->units) {
		return refuse(p, "%s is not %s", q, n->what);
	}
	if (n->suggest(p->text, meant)) {
		return refuse(
			p, "%s is not %s (%s), did you mean %s?", q, n->what, n->units, meant);
	}
	return refuse(p, "%s is not %s (%s)", q, n->what, n->units);
}

static int parse_number(struct parse *p)
{
	const struct rv_option *o = p->option;
	const struct number *n = &numbers[o->type];
	uint64_t v = 0;
	int r = *p->text ? n->parse(p->text, &v) : 0;

	if (r == -ENOMSG) {
		return refuse(p, "%s needs a unit (%s)", p->text, n->units);
	}
	if (r == -EINVAL && !is_negative(p->text)) {
		return refuse_number(p, n);
	}
	if (r < 0 || (*p->text && (v < o->min || (o->max && v > o->max)))) {
		return refuse_range(p);
	}
	*(uint64_t *)p->field = v;
	return 0;
}

static int parse_bool(struct parse *p)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
	char q[QUOTE_TEXT];

	if (!*p->text) {
		*(bool *)p->field = false;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(p->text, words[i]) == 0) {
			*(bool *)p->field = i % 2 == 1;
			return 0;
		}
	}
	return refuse(p, "%s is neither yes nor no", quote(p->text, q));
}

static int parse_mode(struct parse *p)
{
	char q[QUOTE_TEXT];
	mode_t mode = 0;

	if (is_negative(p->text)) {
		mode = 07777;
	} else if (*p->text && num_parse_mode(p->text, &mode) < 0) {
		return refuse(p, "%s is not an octal mode", quote(p->text, q));
	}
	if (mode > 0777) {
		return refuse(p, "%s is out of range, 0 to 0777", quote(p->text, q));
	}
	*(mode_t *)p->field = mode;
	return 0;
}

static int parse_string(struct parse *p)
{
	const char *s = arena_strdup(p->arena, p->text);

	if (!s) {
		return -ENOMEM;
	}
	*(const char **)p->field = s;
	return 0;
}

static bool is_path(const struct rv_option *o, const char *text)
{
	const char *const *prefix = o->choices;

	while (prefix && *prefix && strncmp(text, *prefix, strlen(*prefix)) != 0) {
		prefix++;
	}
	return text[0] == '/' || (prefix && *prefix);
}

/* "/a//b", "/a/./b" and "/a/b" are one name; "/a/." is "/a/". */
static void normalise(char *path)
{
	char *to = path;

	for (const char *p = path; *p; p++) {
		bool behind_slash = to > path && to[-1] == '/';

		if (behind_slash && (*p == '/' || (*p == '.' && (p[1] == '/' || !p[1])))) {
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
}

static int parse_path(struct parse *p)
{
	char q[QUOTE_TEXT];
	int r;

	if (*suggest_hint(p->text)) {
		return refuse(p, "%s is hardly a path", quote(p->text, q));
	}
	if (*p->text && !is_path(p->option, p->text)) {
		return refuse(p, "%s is not an absolute path", quote(p->text, q));
	}
	r = parse_string(p);
	if (r == 0 && *p->text == '/') {
		normalise(*(char **)p->field);
	}
	return r;
}

/* mq_overview(7) */
static int parse_queue(struct parse *p)
{
	const char *s = p->text;
	char q[QUOTE_TEXT];

	if (*suggest_hint(s)) {
		return refuse(p, "%s is hardly a queue", quote(s, q));
	}
	if (*s && (s[0] != '/' || strchr(s + 1, '/'))) {
		return refuse(p, "%s is not the name of a queue: a slash, and no other behind it",
			quote(s, q));
	}
	if (strcmp(s, "/") == 0 || strcmp(s, "/.") == 0 || strcmp(s, "/..") == 0) {
		return refuse(p, "%s is not a name that a queue may have", quote(s, q));
	}
	return parse_string(p);
}

/* "a, b or c" */
static void list_choices(const char *const *choices, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; choices[i] && used < size; i++) {
		const char *sep = i == 0 ? "" : choices[i + 1] ? ", " : " or ";

		used += (size_t)snprintf(buf + used, size - used, "%s%s", sep, choices[i]);
	}
}

static int parse_enum(struct parse *p)
{
	const char *const *choices = p->option->choices;
	char q[QUOTE_TEXT], list[PARSE_WHY / 2], mean[SUGGEST_TEXT];
	struct suggest s;

	suggest_init(&s, p->text);
	for (int i = 0; choices[i]; i++) {
		if (strcmp(choices[i], p->text) == 0 || (!*p->text && i == 0)) {
			*(int *)p->field = i;
			return 0;
		}
		suggest_add(&s, choices[i]);
	}
	list_choices(choices, list, sizeof(list));
	return refuse(p, "%s is not one of %s%s", quote(p->text, q), list, suggest_text(&s, mean));
}

/* The databases of users and groups, whose lookups differ in their types only. */
struct id_kind {
	const char *what;
	int (*find)(const char *name, char *buf, size_t size, uint32_t *ret);
};

static int find_user(const char *name, char *buf, size_t size, uint32_t *ret)
{
	struct passwd pw, *found = NULL;
	int r = getpwnam_r(name, &pw, buf, size, &found);

	if (found) {
		*ret = found->pw_uid;
	}
	return found ? 0 : r == ERANGE ? -ERANGE : -ENOENT;
}

static int find_group(const char *name, char *buf, size_t size, uint32_t *ret)
{
	struct group gr, *found = NULL;
	int r = getgrnam_r(name, &gr, buf, size, &found);

	if (found) {
		*ret = found->gr_gid;
	}
	return found ? 0 : r == ERANGE ? -ERANGE : -ENOENT;
}

static const struct id_kind kinds[] = {
	[RV_USER] = {"user", find_user},
	[RV_USERS] = {"user", find_user},
	[RV_GROUP] = {"group", find_group},
	[RV_GROUPS] = {"group", find_group},
};

/* A group's members can be any number, so the buffer grows with the entry. */
static int find_name(const struct id_kind *kind, const char *name, uint32_t *ret)
{
	int r = -ERANGE;

	for (size_t size = 1024; r == -ERANGE && size <= 1024 * 1024; size *= 4) {
		CLEANUP_FREE char *buf = malloc(size);

		if (!buf) {
			return -ENOMEM;
		}
		r = kind->find(name, buf, size, ret);
	}
	return r;
}

/* A number (the last one means "none" to the kernel) or a name. */
static int parse_id(struct parse *p, const char *word, uint32_t *ret)
{
	const struct id_kind *kind = &kinds[p->option->type];
	char q[QUOTE_TEXT];
	uint64_t v;
	int r = num_parse_uint(word, &v);

	if (r == -EINVAL && !is_negative(word)) {
		r = find_name(kind, word, ret);
		if (r == 0 || r == -ENOMEM) {
			return r;
		}
		return refuse(p, "there is no %s %s", kind->what, quote(word, q));
	}
	if (r < 0 || v >= UINT32_MAX) {
		return refuse(p, "%s is out of range, 0 to %u", quote(word, q), UINT32_MAX - 1);
	}
	*ret = (uint32_t)v;
	return 0;
}

static int parse_one_id(struct parse *p)
{
	uint32_t id = UINT32_MAX;
	int r = *p->text ? parse_id(p, p->text, &id) : 0;

	if (r == 0) {
		*(uint32_t *)p->field = id;
	}
	return r;
}

static int parse_ids(struct parse *p)
{
	static const char separators[] = " \t,";
	struct rv_ids ids = {0};
	char *save = NULL;
	char *copy = arena_strdup(p->arena, p->text);

	/* Every id but the last has at least two bytes, itself and a separator. */
	ids.ids = arena_alloc(p->arena, (strlen(p->text) / 2 + 1) * sizeof(ids.ids[0]));
	if (!copy || !ids.ids) {
		return -ENOMEM;
	}
	for (char *w = strtok_r(copy, separators, &save); w;
		w = strtok_r(NULL, separators, &save)) {
		int r = parse_id(p, w, &ids.ids[ids.n]);

		if (r < 0) {
			return r;
		}
		ids.n++;
	}
	if (*p->text && ids.n == 0) {
		return refuse(p, "the list names nobody"); /* and unset would mean: everybody */
	}
	*(struct rv_ids *)p->field = ids;
	return 0;
}

int parse_option(
	struct arena *arena, const struct rv_option *o, const char *text, void *field, char *why)
{
	static int (*const parsers[])(struct parse *) = {
		[RV_BOOL] = parse_bool,
		[RV_UINT] = parse_number,
		[RV_SIZE] = parse_number,
		[RV_TIME] = parse_number,
		[RV_MODE] = parse_mode,
		[RV_STRING] = parse_string,
		[RV_PATH] = parse_path,
		[RV_ENUM] = parse_enum,
		[RV_USER] = parse_one_id,
		[RV_GROUP] = parse_one_id,
		[RV_USERS] = parse_ids,
		[RV_GROUPS] = parse_ids,
		[RV_QUEUE] = parse_queue,
	};
	struct parse p = {arena, o, text, field, why};

	if ((size_t)o->type >= ARRAY_SIZE(parsers)) {
		return refuse(&p, "a plugin wants a type that this revd does not have");
	}
	return parsers[o->type](&p);
}
