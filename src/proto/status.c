#include "proto/status.h"

#include <string.h>

static const char *const names[RV_STATUS_COUNT] = {
	[RV_STATUS_OK] = "ok",
	[RV_STATUS_MALFORMED] = "malformed",
	[RV_STATUS_TOO_LARGE] = "too-large",
	[RV_STATUS_INVALID_TEXT] = "invalid-text",
	[RV_STATUS_BUSY] = "busy",
	[RV_STATUS_DENIED] = "denied",
	[RV_STATUS_TIMEOUT] = "timeout",
	[RV_STATUS_INTERNAL] = "internal",
	[RV_STATUS_UNSUPPORTED] = "unsupported",
	[RV_STATUS_STOPPING] = "stopping",
};

const char *status_name(unsigned status)
{
	return status < RV_STATUS_COUNT ? names[status] : "unknown-status";
}

int status_parse(const char *s, size_t n)
{
	for (int i = 0; i < RV_STATUS_COUNT; i++) {
		if (strlen(names[i]) == n && memcmp(names[i], s, n) == 0) {
			return i;
		}
	}
	return -1;
}
