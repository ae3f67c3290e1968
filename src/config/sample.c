#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "config/names.h"
#include "config/tables.h"

/* " (a, b or c)" */
static void put_choices(FILE *f, const char *const *choices)
{
	for (size_t i = 0; choices[i]; i++) {
		fprintf(f, "%s%s", i == 0 ? " (" : choices[i + 1] ? ", " : " or ", choices[i]);
	}
	fputc(')', f);
}

/* sign: what makes a comment of it. */
static void put_option(
	FILE *f, const char *sign, const struct rv_option *o, const char *def)
{
	fprintf(f, "# %c%s", toupper((unsigned char)o->help[0]), o->help + 1);
	if (o->type == RV_ENUM) {
		put_choices(f, o->choices);
	}
	fprintf(f, "\n%s%s =%s%s\n", sign, o->key, *def ? " " : "", def);
}

static void put_table(FILE *f, const char *sign, const struct rv_option *table)
{
	for (; table && table->key; table++) {
		put_option(f, sign, table, table->def);
	}
}

/* The keys of all endpoints stand in the first one; what differs from one
 * transport to the other, in each. */
static void put_endpoint(FILE *f, const struct rv_backend_ops *ops, bool first)
{
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", (unsigned)ops->default_mode);
	fprintf(f, "\n[endpoint.%s]\ntransport = %s\n", ops->name, ops->name);
	for (const struct rv_option *o = endpoint_options + 1; o->key; o++) {
		uint32_t cap = endpoint_option_cap(o);

		if (strcmp(o->key, "mode") == 0) {
			put_option(f, "#", o, mode);
		} else if (cap ? ops->caps & cap : first) {
			put_option(f, "#", o, o->def);
		}
	}
	put_table(f, "#", ops->options);
}

/* Is there a key that has to be set? Then the section is a comment as a whole. */
static bool has_needs(const struct rv_option *table)
{
	while (table && table->key && !(table->type == RV_STRING && table->min > 0)) {
		table++;
	}
	return table && table->key;
}

static void put_service(FILE *f, const struct rv_service_ops *ops)
{
	const char *sign = has_needs(ops->options) ? "# " : "#";

	fprintf(f, "\n%s[service.%s]\n", has_needs(ops->options) ? sign : "", ops->name);
	for (const struct rv_option *o = service_options; o->key; o++) {
		put_option(f, sign, o, strcmp(o->key, "type") == 0 ? ops->name : o->def);
	}
	put_table(f, sign, ops->options);
}

int config_sample(const struct config_registry *reg, FILE *f)
{
	const char *name;

	fputs("# revd.conf: what revd serves, and how. Every key with its default; see\n"
	      "# revd.conf(5). Files in revd.conf.d/ override single keys.\n\n[" NAMES_GLOBAL "]\n",
		f);
	put_table(f, "#", global_options);
	for (size_t i = 0; (name = reg->backend_name(reg->ctx, i)); i++) {
		put_endpoint(f, reg->backend(reg->ctx, name), i == 0);
	}
	for (size_t i = 0; (name = reg->service_name(reg->ctx, i)); i++) {
		put_service(f, reg->service(reg->ctx, name));
	}
	return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}
