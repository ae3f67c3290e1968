/* A private directory for the names of a test, and small questions about names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Makes and enters it, as the working directory; place_leave() removes it with
 * all that is in it. */
void place_enter(void);
void place_leave(void);

/* The absolute path of a name in there; valid until the 8th call after. */
const char *place_path(const char *name);
bool place_has(const char *name);
mode_t place_mode(const char *name);
/* A file with that text; and whether it still has it. */
void place_write(const char *name, const char *text);
bool place_holds(const char *name, const char *text);
/* A FIFO, opened as a client opens its own for replies. */
int place_fifo(const char *name);
/* Reads what is there, up to size - 1 bytes, and terminates it. */
size_t place_read(int fd, char *buf, size_t size);
/* How many descriptors this process has. */
size_t place_count_fds(void);
