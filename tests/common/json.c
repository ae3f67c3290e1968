/*
 * Recursive descent over the text itself. skip_*() take the first byte of what
 * they skip and return the byte behind it, or NULL if it is not that. The text
 * ends with a NUL, which no rule accepts, so nothing reads past the end.
 */
#include "common/json.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JSON_DEPTH 32

static const char *skip_value(const char *s, int depth);

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

static const char *skip_escape(const char *s)
{
	if (*s == 'u') {
		return strspn(s + 1, "0123456789abcdefABCDEF") >= 4 ? s + 5 : NULL;
	}
	return *s != '\0' && strchr("\"\\/bfnrt", *s) ? s + 1 : NULL;
}

static const char *skip_string(const char *s)
{
	if (*s++ != '"') {
		return NULL;
	}
	while (s && *s != '"') {
		if ((unsigned char)*s < 0x20) {
			return NULL;
		}
		s = *s == '\\' ? skip_escape(s + 1) : s + 1;
	}
	return s ? s + 1 : NULL;
}

static const char *skip_digits(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 ? s + n : NULL;
}

static const char *skip_number(const char *s)
{
	s += *s == '-';
	s = *s == '0' ? s + 1 : skip_digits(s);
	if (s && *s == '.') {
		s = skip_digits(s + 1);
	}
	if (s && (*s == 'e' || *s == 'E')) {
		s++;
		s += *s == '+' || *s == '-';
		s = skip_digits(s);
	}
	return s;
}

static const char *skip_word(const char *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = strlen(words[i]);

		if (strncmp(s, words[i], n) == 0) {
			return s + n;
		}
	}
	return NULL;
}

/* Behind `"key" :`, in front of the value. */
static const char *skip_key(const char *s)
{
	s = skip_string(s);
	if (!s) {
		return NULL;
	}
	s = skip_space(s);
	return *s == ':' ? skip_space(s + 1) : NULL;
}

static const char *skip_container(const char *s, int depth)
{
	char end = *s == '{' ? '}' : ']';

	s = skip_space(s + 1);
	if (*s == end) {
		return s + 1;
	}
	for (;;) {
		if (end == '}') {
			s = skip_key(s);
		}
		s = s ? skip_value(s, depth + 1) : NULL;
		if (!s) {
			return NULL;
		}
		s = skip_space(s);
		if (*s == end) {
			return s + 1;
		}
		if (*s != ',') {
			return NULL;
		}
		s = skip_space(s + 1);
	}
}

static const char *skip_value(const char *s, int depth)
{
	if (depth > JSON_DEPTH) {
		return NULL;
	}
	switch (*s) {
	case '{':
	case '[':
		return skip_container(s, depth);
	case '"':
		return skip_string(s);
	case 't':
	case 'f':
	case 'n':
		return skip_word(s);
	default:
		return skip_number(s);
	}
}

bool json_valid(const char *s, size_t n)
{
	const char *end = s + n;

	if (memchr(s, '\0', n)) {
		return false;
	}
	s = skip_value(skip_space(s), 0);
	return s && skip_space(s) == end;
}

/* True if the JSON string at s spells the n bytes of `step`; no escapes in keys. */
static bool string_is(const char *s, const char *step, size_t n)
{
	return *s == '"' && strncmp(s + 1, step, n) == 0 && s[1 + n] == '"';
}

static const char *find_step(const char *s, const char *step, size_t n);

/* True if s is the object of the endpoint whose name is `step`. */
static bool is_named(const char *s, const char *step, size_t n)
{
	const char *name = *s == '{' ? find_step(s, "endpoint", strlen("endpoint")) : NULL;

	return name && string_is(name, step, n);
}

/* The member of the object, or element of the array, at s. */
static const char *find_step(const char *s, const char *step, size_t n)
{
	bool object = *s == '{';
	size_t index = 0;
	char *end;
	size_t want = strtoul(step, &end, 10);
	bool by_index = end == step + n;

	if (*s != '{' && *s != '[') {
		return NULL;
	}
	s = skip_space(s + 1);
	while (*s != '}' && *s != ']') {
		const char *value = object ? skip_key(s) : s;

		if (object ? string_is(s, step, n) : by_index && index == want) {
			return value;
		}
		if (!object && is_named(value, step, n)) {
			return value;
		}
		s = skip_space(skip_value(value, 0));
		s = skip_space(s + (*s == ','));
		index++;
	}
	return NULL;
}

const char *json_find(const char *s, const char *path, size_t *ret_n)
{
	s = skip_space(s);
	while (s && *path != '\0') {
		size_t n = strcspn(path, ".");

		s = find_step(s, path, n);
		path += n + (path[n] == '.');
	}
	if (s) {
		*ret_n = (size_t)(skip_value(s, 0) - s);
	}
	return s;
}

bool json_find_uint(const char *s, const char *path, uint64_t *ret)
{
	size_t n;
	const char *v = json_find(s, path, &n);
	char *end;

	if (!v || *v < '0' || *v > '9') {
		return false;
	}
	errno = 0;
	*ret = strtoull(v, &end, 10);
	return errno == 0 && end == v + n;
}
