/* The names of a FIFO endpoint: PATH, PATH.out, and the directory of the clients' reply
 * FIFOs, PATH.d or where that is a link to. Main thread. */
#pragma once

#include <revd/base/handover.h>

struct fifo_config {
	const char *path;
	const char *reply_dir;
};

struct fifo_endpoint {
	bool live; /* the descriptors below are ours */
	bool adopted;
	char *path, *out_path, *dir_path;
	char *link_path; /* to a directory of another name; NULL: there is none */
	int fd, out_fd, dir_fd;
	struct rv_names_id id, out_id, dir_id, link_id; /* what we made, and remove */
	struct rv_names_lock lock;
	uint64_t max_peers; /* atomic: changed by a reload while the instance runs */
};

/* rv_backend_ops */
int fifo_open(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_err *);
int fifo_reconfigure(void *ep, const struct rv_endpoint_info *, const void *cfg, struct rv_err *);
void fifo_close(void *ep);
void fifo_hand_over(void *ep, struct rv_handover *);
int fifo_take_over(void *ep, const struct rv_endpoint_info *, const void *cfg, const int *fds,
	size_t n_fds, struct rv_takeover *, struct rv_err *);

/* Steps of opening: the paths; the inherited descriptors, one of which is the request FIFO and
 * another one perhaps PATH.out, by descriptors of its own; the directory. 0 or -errno. */
int fifo_copy_paths(struct fifo_endpoint *, const struct fifo_config *) MUST_CHECK;
int fifo_adopt(struct fifo_endpoint *, const int *fds, size_t n, struct rv_err *) MUST_CHECK;
int fifo_make_directory(struct fifo_endpoint *, const struct rv_endpoint_info *,
	const struct fifo_config *, struct rv_err *) MUST_CHECK;

/* Removes the names that we made and lets go of the lock; what is open stays so. */
void fifo_release_names(struct fifo_endpoint *);
