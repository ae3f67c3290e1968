/*
 * <revd/option.h>: how a backend or a service declares its configuration keys.
 *
 * One table serves for parsing, checking, --dump-config, the sample file and
 * the test that the man page agrees. The host parses every value into the
 * field at .offset of the plugin's config struct; a plugin never parses text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rv_err {
	char msg[256];   /* one sentence that names the object, for the log */
	const char *key; /* of check(): the key to blame, which goes before msg; NULL: none alone */
};

enum rv_type {
	RV_BOOL,   /* bool: yes no true false on off 1 0 */
	RV_UINT,   /* uint64_t: decimal */
	RV_SIZE,   /* uint64_t bytes: 64K; a unit (B K M G) is required, only 0 stands alone */
	RV_TIME,   /* uint64_t microseconds: 10s; a unit (us ms s min h) likewise */
	RV_MODE,   /* mode_t: octal, 0660 */
	RV_STRING, /* const char *: never NULL, "" if unset */
	RV_PATH,  /* const char *: absolute (without // and /./) or with a prefix of .choices; "" if
		   * unset  and .def is "". A .def below /run/revd/ means the runtime directory */
	RV_ENUM,  /* int: the index into .choices */
	RV_USER,  /* uid_t: name or number; (uid_t)-1 if unset */
	RV_GROUP, /* gid_t: name or number; (gid_t)-1 if unset */
	RV_USERS, /* struct rv_ids: names or numbers, separated by spaces or commas */
	RV_GROUPS, /* struct rv_ids */
	RV_QUEUE,  /* const char *: the name of a POSIX message queue, "" if unset and .def
		    * is "". A .def of "/revd" means the default queue, see revd.conf(5) */
};

struct rv_ids {
	uint32_t *ids; /* the host's memory */
	size_t n;      /* 0 if unset */
};

struct rv_option {
	const char *key;  /* NULL ends a table */
	const char *def;  /* the default as an admin would write it, "" for unset */
	const char *help; /* one line, no full stop */
	enum rv_type type;
	bool live;                  /* a reload may change it in place, through reconfigure() */
	/* RV_UINT, RV_SIZE, RV_TIME; max 0: no bound. RV_STRING: min 1 says that it has to be
	 * set, which check() sees to. */
	uint64_t min, max;
	const char *const *choices; /* RV_ENUM, perhaps RV_PATH; ends with NULL */
	size_t offset;              /* into the plugin's config struct */
};
