#include "revc/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "librevc/error.h"
#include "revc/doctor_limits.h"
#include "revc/doctor_names.h"
#include "revc/finding.h"
#include "revc/snapshot.h"

#define PATIENCE_US 2000000u /* with each endpoint */

static bool has_unit(void)
{
	return access("/run/systemd/system", F_OK) == 0 &&
	       (access("/usr/lib/systemd/system/revd.service", F_OK) == 0 ||
		       access("/usr/local/lib/systemd/system/revd.service", F_OK) == 0 ||
		       access("/etc/systemd/system/revd.service", F_OK) == 0);
}

/* A socket that is still there, though nobody serves it. */
static void look_at_rest(const char *uri)
{
	const char *path =
		strncmp(uri, "uds:/", 5) == 0 || strncmp(uri, "shm:/", 5) == 0 ? uri + 4 : "";
	char mend[600], quoted[500];
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		(void)snprintf(
			mend, sizeof(mend), "rm %s", finding_quote(path, quoted, sizeof(quoted)));
		finding(FINDING_WARNING, mend, "%s was left by a daemon that has ended", path);
	}
}

static void tell_nobody(const char *uri, const char *why, int exit_code)
{
	finding(FINDING_ERROR,
		exit_code != EXIT_UNAVAILABLE ? NULL
		: has_unit()                  ? "systemctl start revd.service"
					      : NULL,
		"%s: %s", uri, why);
	if (exit_code == EXIT_UNAVAILABLE) {
		look_at_rest(uri);
	}
}

static void look_at_version(const struct snapshot *s)
{
	char mend[64];

	if (strcmp(s->version, REVD_VERSION) == 0) {
		finding(FINDING_OK, NULL, "revd %s answers, process %llu", s->version,
			(unsigned long long)s->pid);
		return;
	}
	(void)snprintf(mend, sizeof(mend), "kill -USR2 %llu", (unsigned long long)s->pid);
	finding(FINDING_WARNING, mend, "the daemon is revd %s, revc is " REVD_VERSION, s->version);
}

static void look_at_endpoint(
	const struct arguments *o, const struct snapshot_endpoint *ep, const char *address)
{
	struct ask a;

	ask_open(&a, o, address);
	if (strcmp(ep->state, "up") != 0) {
		finding(FINDING_ERROR, NULL, "%s (%s) is %s", ep->name, address, ep->state);
	} else if (strncmp(address, "stdio", 5) == 0) {
		finding(FINDING_OK, NULL, "%s serves standard input", ep->name);
	} else if (ask(&a, RV_OP_PING, "doctor") == 0) {
		finding(FINDING_OK, NULL, "%s (%s) answers within %.3f ms", ep->name, address,
			a.ms);
	} else {
		finding(a.exit_code == 77 ? FINDING_WARNING : FINDING_ERROR, NULL,
			"%s (%s): %s: %.*s", ep->name, address, a.status, (int)a.n,
			(const char *)a.data);
	}
	ask_close(&a);
}

static void look_at_endpoints(const struct arguments *o, const struct snapshot *s)
{
	const json_t *all = json_object_get(s->stats, "endpoints");

	for (size_t i = 0; i < s->n; i++) {
		const char *address =
			json_string_value(json_object_get(json_array_get(all, i), "address"));

		if (address) {
			look_at_endpoint(o, &s->endpoints[i], address);
			doctor_look_at_names(address);
		}
	}
}

int doctor_run(const struct arguments *o)
{
	struct arguments mine = *o;
	struct snapshot s;
	char why[400];
	struct ask a;
	int code;

	mine.session.timeout_us =
		o->session.timeout_us ? MIN(o->session.timeout_us, PATIENCE_US) : PATIENCE_US;
	ask_open(&a, &mine, o->uri);
	code = snapshot_take(&s, &a, why, sizeof(why));
	ask_close(&a); /* one session at a time */
	if (code != 0) {
		tell_nobody(o->uri, why, code);
	} else {
		look_at_version(&s);
		look_at_endpoints(&mine, &s);
		doctor_look_at_limits(&s);
		snapshot_finish(&s);
	}
	return findings_are_ok() ? 0 : EXIT_FAILURE;
}
