#include "common/late.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/fd.h"
#include "util/macro.h"

#define LATE_PLUGIN_MAX (16u << 20)

void late_install(const struct rig *rig, const char *dir, const char *file)
{
	CLEANUP_FREE char *data = NULL;
	CLEANUP_FD int fd = -1;
	char path[RIG_PATH], to[2 * RIG_PATH];
	const char *base;
	size_t n;

	ck_assert_ptr_nonnull(file);
	base = strrchr(file, '/') + 1;
	rig_path(rig, dir, path);
	mkdir(path, 0755); /* it may be there already */
	ck_assert_int_lt(snprintf(to, sizeof to, "%s/%s", path, base), (int)sizeof to);
	ck_assert_int_eq(fd_read_file(file, LATE_PLUGIN_MAX, &data, &n), 0);
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, data, n), 0);
}

void late_start(struct rig *rig, const char *global, const char *keys, const char *service)
{
	CLEANUP_FREE char *config = NULL;

	rig_init(rig);
	late_install(rig, "plugins", getenv("REVD_TEST_LATE"));
	ck_assert_int_gt(
		asprintf(&config,
			"[revd]\nplugin_dir = @DIR@/plugins\n%s\n[service.late]\n%s\n"
			"[endpoint.stream]\ntransport = uds\npath = @DIR@/stream.sock\n"
			"service = late\n%s\n"
			"[endpoint.seqpacket]\ntransport = uds\ntype = seqpacket\n"
			"path = @DIR@/seqpacket.sock\nservice = late\n%s\n"
			"[endpoint.fifo]\ntransport = fifo\npath = @DIR@/fifo\nservice = late\n%s\n"
			"[endpoint.mqueue]\ntransport = mqueue\nqueue = @QUEUE@\n"
			"message_size = 1K\nservice = late\n%s\n",
			global, service, keys, keys, keys, keys),
		0);
	rig_write(rig, "revd.conf", config);
	rig_launch(rig, NULL);
}
