#include "daemon/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "builtin.h"
#include "service/builtin.h"
#include "util/log.h"

int configuration_init(struct configuration *c, const char *file, const char *text)
{
	*c = (struct configuration){0};
	if (paths_init(&c->paths, file) < 0) {
		log_error("out of memory");
		return -ENOMEM;
	}
	c->source = (struct config_source){
		.file = c->paths.file,
		.optional = c->paths.optional,
		.text = text,
		.runtime_dir = c->paths.runtime_dir,
	};
	return registry_create(backends_builtin, services_builtin, REVD_PLUGIN_DIR, &c->registry);
}

void configuration_finish(struct configuration *c)
{
	inherited_finish(&c->inherited);
	registry_destroy(c->registry);
	paths_finish(&c->paths);
}

void configuration_leave(struct configuration *c)
{
	if (paths_leave(&c->paths) == 0) {
		c->source.file = c->paths.file;
	}
}

/* Mistakes: on the command line as they are, else in the log. */
static void report(const struct config_errors *errs, bool plain)
{
	for (size_t i = 0; i < errs->n; i++) {
		if (plain) {
			fprintf(stderr, "%s\n", errs->text[i]);
		} else {
			log_error("%s", errs->text[i]);
		}
	}
	if (errs->suppressed && plain) {
		fprintf(stderr, "... and %zu more\n", errs->suppressed);
	} else if (errs->suppressed) {
		log_error("... and %zu more", errs->suppressed);
	}
}

static struct config *load_source(const struct configuration *c, const struct config_source *source,
	bool plain, struct rv_err *err)
{
	const struct config_registry reg = registry_for_config(c->registry);
	struct config_errors errs = {0};
	struct config *config = NULL;

	if (config_load(source, &reg, &config, &errs) < 0) {
		report(&errs, plain);
		snprintf(err->msg, sizeof(err->msg), "%s",
			errs.n ? errs.text[0] : "the configuration could not be read");
		if (!errs.n) {
			log_error("%s", err->msg);
		}
		config = NULL;
	}
	config_errors_finish(&errs);
	return config;
}

struct config *configuration_read(struct configuration *c)
{
	struct rv_err err;

	return load_source(c, &c->source, true, &err);
}

struct config *configuration_load(struct configuration *c, struct rv_err *err)
{
	struct config_source source = c->source;
	CLEANUP_FREE char *list = NULL;
	struct config *config = load_source(c, &source, false, err);

	if (!config) {
		return NULL;
	}
	if (inherited_assign(&c->inherited, config, err) < 0) {
		log_error("%s", err->msg);
		config_destroy(config);
		return NULL;
	}
	if (c->inherited.given.n == 0) {
		return config;
	}
	config_destroy(config);
	list = inherited_list(&c->inherited);
	source.defaults = list;
	source.more = c->inherited.sections;
	return load_source(c, &source, false, err);
}

int configuration_prepare(struct configuration *c, const struct config *config, struct rv_err *err)
{
	log_info("configuration: %s", config->origin);
	for (size_t i = 0; i < config->n_warnings; i++) {
		log_warning("%s", config->warnings[i]);
	}
	return paths_make_runtime_dir(&c->paths, config, err);
}

int configuration_check(struct configuration *c)
{
	CLEANUP(config_destroy_p) struct config *config = configuration_read(c);

	if (!config) {
		return EX_CONFIG;
	}
	for (size_t i = 0; i < config->n_warnings; i++) {
		fprintf(stderr, "warning: %s\n", config->warnings[i]);
	}
	printf("%s: fine, %zu endpoint%s\n", config->origin, config->n_endpoints,
		config->n_endpoints == 1 ? "" : "s");
	return 0;
}

int configuration_dump(struct configuration *c)
{
	CLEANUP(config_destroy_p) struct config *config = configuration_read(c);

	if (!config) {
		return EX_CONFIG;
	}
	if (config_dump(config, stdout) < 0 || fflush(stdout) != 0) {
		log_error("standard output: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return 0;
}
