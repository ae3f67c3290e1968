#include "revc/terminfo.h"

#include <curses.h>
#include <term.h>
#include <unistd.h>

bool terminfo_has_terminal(void)
{
	int err;

	if (setupterm(NULL, STDOUT_FILENO, &err) != OK) {
		return false;
	}
	(void)del_curterm(cur_term);
	return true;
}
