/* The terminal of --top, by ncurses. One at a time. */
#pragma once

#include <stdbool.h>
#include "revc/rates.h"
#include "util/macro.h"

/* 0, or -ENOTTY: there is no terminal that it could be shown on. */
int screen_open(void) MUST_CHECK;
/* Puts the terminal back as it was. */
void screen_close(void);

/* Shows all of it. says: a line for what is out of the ordinary, or "". */
void screen_draw(const char *uri, const struct snapshot *now, const struct snapshot *before,
	const char *says);

/* Waits so long for a key, or for another size of the terminal. */
enum screen_key { SCREEN_NONE, SCREEN_RESIZED, SCREEN_QUIT };
enum screen_key screen_wait(int ms);
