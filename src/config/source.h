/* From a path to the texts: the file, its drop-ins, and whom to trust. */
#pragma once

#include "config/reader.h"

struct stat;

/*
 * Both read into ini; uid: who reads; 0 refuses symbolic links and what others
 * than root may write, since who writes the configuration of a root daemon is
 * root. The checks are made on the opened files. Mistakes go to ini->diags; 0 or
 * -ENOMEM.
 *
 * missing: not NULL if the file may be missing; whether it is. Only a name that is
 * not there at all is missing: what can't be looked at is a mistake.
 */
int source_read_file(struct ini *, const char *path, uid_t uid, bool *missing) MUST_CHECK;
/* The files path.d/NAME.conf, by name. There may be none. */
int source_read_drop_ins(struct ini *, const char *path, uid_t uid) MUST_CHECK;

/* Why uid may not trust what st says of a file or a directory, or NULL. */
const char *source_distrust(const struct stat *st, uid_t uid);
