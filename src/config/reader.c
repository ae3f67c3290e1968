#include "config/reader.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct reader {
	struct ini *ini;
	const char *p, *end;
	struct origin at;
	struct ini_section *section; /* NULL: none yet, or keys are to be ignored */
	bool skip;                   /* ignore keys: their section is in error */
	bool waiting;                /* inih has a line and did not call back yet */
	const char *tail;            /* what inih did not see of that line */
	size_t n_tail;
	int error;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct ini_section *ini_find_section(const struct ini *ini, const char *name)
{
	struct ini_section *s = ini->sections;

	while (s && strcmp(s->name, name) != 0) {
		s = s->next;
	}
	return s;
}

struct ini_value *ini_find_value(const struct ini_section *s, const char *key)
{
	struct ini_value *v = s->values;

	while (v && strcmp(v->key, key) != 0) {
		v = v->next;
	}
	return v;
}

struct ini_section *ini_add_section(struct ini *ini, const char *name, const struct origin *at)
{
	struct ini_section **tail = &ini->sections;
	struct ini_section *s = arena_alloc(ini->arena, sizeof(*s));

	if (!s || !(s->name = arena_strdup(ini->arena, name))) {
		return NULL;
	}
	s->at = s->last = *at;
	while (*tail) {
		tail = &(*tail)->next;
	}
	*tail = s;
	ini->n_sections++;
	return s;
}

struct ini_value *ini_add_value(struct ini *ini, struct ini_section *s, const char *key,
	const char *text, const struct origin *at)
{
	struct ini_value **tail = &s->values;
	struct ini_value *v = arena_alloc(ini->arena, sizeof(*v));

	if (!v || !(v->key = arena_strdup(ini->arena, key)) ||
		!(v->text = arena_strdup(ini->arena, text))) {
		return NULL;
	}
	v->at = *at;
	while (*tail) {
		tail = &(*tail)->next;
	}
	*tail = v;
	s->n_values++;
	return v;
}

/* One more of them is one too many: the rest of the file is not read. */
static void stop(struct reader *r, const char *what, unsigned max)
{
	diags_add(r->ini->diags, &r->at, "there are more than %u %ss", max, what);
	r->p = r->end;
	r->skip = true;
}

static void open_section(struct reader *r, const char *name)
{
	struct ini_section *s = ini_find_section(r->ini, name);
	char q[QUOTE_TEXT];

	if (!s && r->ini->n_sections == INI_SECTIONS_MAX) {
		stop(r, "section", INI_SECTIONS_MAX);
		return;
	}
	if (!s) {
		s = ini_add_section(r->ini, name, &r->at);
		r->error = s ? 0 : -ENOMEM;
	} else if (s->last.rank == r->at.rank) {
		diags_add(r->ini->diags, &r->at, "section %s is given twice, first in line %u",
			quote(name, q), s->last.line);
		r->skip = true;
		return;
	}
	if (s) {
		s->last = r->at;
	}
	r->section = s;
	r->skip = false;
}

/* Where the comment starts that ends a line, by inih's rule: at a semicolon
 * behind white space. */
static size_t comment_start(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (s[i] == ';' && is_blank(s[i - 1])) {
			return i;
		}
	}
	return n;
}

static size_t trim_end(const char *s, size_t n)
{
	while (n > 0 && is_blank(s[n - 1])) {
		n--;
	}
	return n;
}

/* "[ name ]": told, and then read as if it were "[name]". */
static void trim_name(struct reader *r, const char **name, size_t *n)
{
	size_t head = 0, end = trim_end(*name, *n);
	char q[QUOTE_TEXT];

	while (head < end && is_blank((*name)[head])) {
		head++;
	}
	if (end - head == *n) {
		return;
	}
	*name += head;
	*n = end - head;
	diags_add(r->ini->diags, &r->at,
		"the section's name has white space around it, did you mean %s?",
		rv_quote(*name, *n, q, sizeof(q)));
}

/* [name], perhaps with a comment behind it. */
static void read_header(struct reader *r, const char *s, size_t n)
{
	const char *close;
	char *name;

	r->section = NULL;
	r->skip = true;
	n = trim_end(s, comment_start(s, n));
	close = memchr(s, ']', n);
	if (!close) {
		diags_add(r->ini->diags, &r->at, "the section's name has no closing ']'");
		return;
	}
	if (close != s + n - 1) {
		diags_add(r->ini->diags, &r->at, "there is something behind the ']'");
		return;
	}
	s++;
	n -= 2;
	trim_name(r, &s, &n);
	name = arena_strndup(r->ini->arena, s, n);
	if (!name) {
		r->error = -ENOMEM;
		return;
	}
	open_section(r, name);
}

/* A byte that no line may hold; it would be cut by inih or forge a log line. */
static bool has_control(const char *s, size_t n, unsigned char *ret)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			*ret = c;
			return true;
		}
	}
	return false;
}

/* A line that nobody can make a value of. */
static void report_line(struct reader *r, const char *what, const char *hint)
{
	diags_add(r->ini->diags, &r->at, "%s%s", what, hint);
	if (r->section) {
		r->section->damaged = true;
	}
}

static void report_no_value(struct reader *r, const char *s, size_t n)
{
	static const char word[] = "include";
	bool include = memmem(s, MIN(n, sizeof(word)), word, sizeof(word) - 1);

	report_line(r, "the line is neither 'key = value' nor a [section]",
		include ? "; nothing is included, but FILE.d/*.conf is read after FILE" : "");
}

/* As inih sees it, which also takes a colon. */
static bool has_separator(const char *s, size_t n)
{
	size_t end = comment_start(s, n);

	return memchr(s, '=', end) || memchr(s, ':', end);
}

/* True if the line is to go to inih. */
static bool judge_line(struct reader *r, const char *s, size_t n)
{
	char what[64];
	unsigned char c;
	size_t indent = 0;

	while (indent < n && is_blank(s[indent])) {
		indent++;
	}
	if (has_control(s, n, &c)) {
		snprintf(what, sizeof(what), "the line has a control byte, \\x%02x", c);
		report_line(r, what, "");
		return false;
	}
	if (indent == n || s[indent] == ';' || s[indent] == '#') {
		return false;
	}
	if (indent > 0) {
		report_line(r, "the line is indented, put it in the first column", "");
		return false;
	}
	if (s[0] == '[') {
		read_header(r, s, n);
		return false;
	}
	if (r->skip) {
		return false;
	}
	if (!has_separator(s, n)) {
		report_no_value(r, s, n);
		return false;
	}
	if (!r->section) {
		diags_add(r->ini->diags, &r->at, "a key before the first [section]");
		r->skip = true;
	}
	return !r->skip;
}

/* inih said nothing to the line that it was given last. */
static void settle(struct reader *r)
{
	if (r->waiting) {
		report_no_value(r, "", 0);
		r->waiting = false;
	}
}

static bool next_line(struct reader *r, const char **ret, size_t *ret_n)
{
	const char *s = r->p;
	const char *nl;

	if (s == r->end) {
		return false;
	}
	nl = memchr(s, '\n', (size_t)(r->end - s));
	r->p = nl ? nl + 1 : r->end;
	r->at.line++;
	*ret = s;
	*ret_n = trim_end(s, (size_t)((nl ? nl : r->end) - s));
	return true;
}

/* The line in str[size], with what does not fit left in the tail. The cut is
 * behind something visible, for inih drops white space at the end. */
static void pass_line(struct reader *r, const char *s, size_t n, char *str, size_t size)
{
	r->n_tail = 0;
	if (n + 1 > size) {
		size_t head;

		n = trim_end(s, comment_start(s, n));
		head = trim_end(s, MIN(n, size - 1));
		r->tail = s + head;
		r->n_tail = n - head;
		n = head;
	}
	memcpy(str, s, n);
	str[n] = '\0';
	r->waiting = true;
}

/* ini_reader: fgets() for inih. */
static char *read_line(char *str, int num, void *stream)
{
	struct reader *r = stream;
	const char *s;
	size_t n;

	settle(r);
	while (!r->error && next_line(r, &s, &n)) {
		if (judge_line(r, s, n)) {
			pass_line(r, s, n, str, (size_t)num);
			return str;
		}
	}
	return NULL;
}

static void put_value(struct reader *r, const char *key, const char *text)
{
	struct ini_value *v = ini_find_value(r->section, key);
	char q[QUOTE_TEXT];

	if (!v && r->section->n_values == INI_KEYS_MAX) {
		stop(r, "key", INI_KEYS_MAX);
	} else if (!v) {
		v = ini_add_value(r->ini, r->section, key, text, &r->at);
		r->error = v ? 0 : -ENOMEM;
	} else if (v->at.rank == r->at.rank) {
		diags_add(r->ini->diags, &r->at, "key %s is given twice, first in line %u",
			quote(key, q), v->at.line);
	} else {
		v->text = text;
		v->at = r->at;
	}
}

/* ini_handler. Always 1: what is wrong is in diags. */
static int take_value(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	size_t n = strlen(value);
	char q[QUOTE_TEXT];
	char *text;

	(void)section; /* cut at 49 bytes; the reader knows better */
	if (!*key) {
		return 1;
	}
	r->waiting = false;
	text = arena_alloc(r->ini->arena, n + r->n_tail + 1);
	if (!text) {
		r->error = -ENOMEM;
		return 1;
	}
	memcpy(text, value, n);
	memcpy(text + n, r->tail, r->n_tail);
	text += strspn(text, " \t"); /* if the head ended in front of the value */
	if (text[0] == ';') {
		diags_add(r->ini->diags, &r->at, "%s: a value can't start with ';'", quote(key, q));
		return 1;
	}
	put_value(r, key, text);
	return 1;
}

int ini_note_read(struct ini *ini, const char *what)
{
	ini->read = ini->read ? arena_printf(ini->arena, "%s, %s", ini->read, what)
			      : arena_strdup(ini->arena, what);
	return ini->read ? 0 : -ENOMEM;
}

int ini_read(struct ini *ini, const char *file, const char *buf, size_t n)
{
	struct reader r = {
		.ini = ini,
		.p = buf,
		.end = buf + n,
		.at = {.file = file, .rank = ini->n_files++},
		.tail = "",
	};

	if (n >= 3 && memcmp(buf, "\xef\xbb\xbf", 3) == 0) {
		r.p += 3; /* a byte order mark, as some editors write it */
	}
	/* Its result is the number of a line it could not parse, which settle()
	 * has already reported. */
	(void)ini_parse_stream(read_line, &r, take_value, &r);
	return r.error ? r.error : ini_note_read(ini, file);
}
