#include "util/cli.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "util/quote.h"
#include "util/suggest.h"

void cli_print_options(const struct cli *c)
{
	for (const struct cli_option *o = c->options; o->name; o++) {
		char left[64], form[8] = "    ";

		if (!o->help) {
			continue;
		}
		if (o->key < CLI_LONG) {
			(void)snprintf(form, sizeof(form), "-%c, ", o->key);
		}
		(void)snprintf(left, sizeof(left), "%s--%s%s%s", form, o->name, o->arg ? " " : "",
			o->arg ? o->arg : "");
		(void)printf("  %-*s  %s\n", c->help_column, left, o->help);
	}
}

/* `--name` or `-n` of what getopt_long() did not like: it leaves 0 in optopt for unknown
 * long options, else the key. */
static void name_option(const struct cli *c, const char *arg, char *buf, size_t size)
{
	for (const struct cli_option *o = c->options; o->name; o++) {
		if (optopt >= CLI_LONG && o->key == optopt) {
			(void)snprintf(buf, size, "--%s", o->name);
			return;
		}
	}
	if (optopt > 0 && strncmp(arg, "--", 2) != 0) {
		(void)snprintf(buf, size, "-%c", optopt);
	} else {
		(void)snprintf(buf, size, "%.*s", (int)strcspn(arg, "="), arg);
	}
}

static void suggest_option(const struct cli *c, const char *typed, char *buf)
{
	struct suggest s;

	suggest_init(&s, typed);
	for (const struct cli_option *o = c->options; o->name; o++) {
		suggest_add(&s, o->name);
	}
	suggest_text(&s, buf);
}

static void refuse(const struct cli *c, const char *arg, int problem)
{
	char name[64], shown[128], hint[SUGGEST_TEXT] = "";

	name_option(c, arg, name, sizeof(name));
	quote_text(name, strlen(name), shown, sizeof(shown));
	if (problem == ':') {
		(void)fprintf(stderr, "%s: option '%s' needs a value, see %s --help\n", c->program,
			shown, c->program);
		return;
	}
	if (optopt > 0 && strncmp(arg, "--", 2) == 0 && strchr(arg, '=')) {
		(void)fprintf(stderr, "%s: option '%s' takes no value\n", c->program, shown);
		return;
	}
	if (strncmp(name, "--", 2) == 0) {
		suggest_option(c, name + 2, hint);
	}
	if (*hint) {
		(void)fprintf(stderr, "%s: unknown option '%s'%s\n", c->program, shown, hint);
	} else {
		(void)fprintf(stderr, "%s: unknown option '%s', see %s --help\n", c->program, shown,
			c->program);
	}
}

static void make_tables(const struct cli *c, struct option *longs, char *shorts)
{
	*shorts++ = ':'; /* so that a missing value is told from an unknown option */
	for (size_t i = 0; c->options[i].name; i++) {
		const struct cli_option *o = &c->options[i];

		assert(i < CLI_OPTIONS_MAX);
		longs[i] = (struct option){.name = o->name,
			.has_arg = o->arg ? required_argument : no_argument,
			.val = o->key};
		if (o->key < CLI_LONG) {
			*shorts++ = (char)o->key;
		}
		if (o->key < CLI_LONG && o->arg) {
			*shorts++ = ':';
		}
	}
}

int cli_next(const struct cli *c, int argc, char **argv)
{
	struct option longs[CLI_OPTIONS_MAX + 1] = {{0}};
	char shorts[2 * CLI_OPTIONS_MAX + 2] = "";
	int key;

	make_tables(c, longs, shorts);
	opterr = 0;
	key = getopt_long(argc, argv, shorts, longs, NULL);
	if (key == '?' || key == ':') {
		refuse(c, argv[optind - 1], key);
		return '?';
	}
	return key;
}
