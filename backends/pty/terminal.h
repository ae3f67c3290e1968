/* A pseudo-terminal, pty(7), that passes all bytes as they are. */
#pragma once

#include <revd/base/util.h>
#include <sys/types.h>

struct terminal { /* descriptors -1: not there */
	int master;
	int slave;     /* held open until a client has it: without any, the master has hung up */
	char name[64]; /* of the slave */
};

#define TERMINAL_NONE ((struct terminal){.master = -1, .slave = -1})

/* With the endpoint's mode, owner and group: unset, it is the daemon's, as of each other name,
 * and not that of all terminals. 0 or -errno. */
int terminal_make(struct terminal *ret) MUST_CHECK;
/* Gives it mode and owner. Likewise. */
int terminal_apply(const struct terminal *, const struct rv_endpoint_info *) MUST_CHECK;
void terminal_close(struct terminal *);
/* Somebody has it open: nobody else can open it from now on, as its mode shows. */
void terminal_lock(const struct terminal *);
/* Has one of those who have it open its lock, flock(2)? */
bool terminal_is_claimed(int slave);

/* A client may switch on echo, line editing and more at any time: off with it. */
void terminal_keep_raw(int master);
/* Nobody has the slave open any more. */
bool terminal_hung_up(int master);
/* Bytes that the client has not read yet (slave: -1 if it is not open here), those not counted that
 * are on their way. */
int terminal_unread(int master, int slave);
