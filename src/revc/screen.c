#include "revc/screen.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "revc/terminfo.h"
#include "util/quote.h"

#define NAME_WIDTH 14
#define CELL 8 /* of a figure, with a space before it */

enum { PAIR_BAD = 1 };

static SCREEN *terminal;

/* The columns from left to right; those of the highest rank are left out first. */
static const struct column {
	const char *title;
	int rank;
} columns[] = {
	{"REQ/s", 1},
	{"ERR/s", 3},
	{"IN/s", 6},
	{"OUT/s", 7},
	{"P50/us", 5},
	{"P99/us", 2},
	{"PEERS", 4},
	{"DROPS", 8},
};

int screen_open(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term ||
		strcmp(term, "dumb") == 0) {
		return -ENOTTY;
	}
	if (!terminfo_has_terminal()) { /* newterm() would leak */
		return -ENOTTY;
	}
	(void)setlocale(LC_CTYPE, "");
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		return -ENOTTY;
	}
	(void)cbreak();
	(void)noecho();
	(void)keypad(stdscr, TRUE);
	(void)curs_set(0);
	if (has_colors() && !(no_color && *no_color) && start_color() == OK) {
		(void)use_default_colors();
		(void)init_pair(PAIR_BAD, COLOR_RED, -1);
	}
	return 0;
}

void screen_close(void)
{
	(void)endwin();
	delscreen(terminal);
	terminal = NULL;
}

/* One line at most; what does not fit is cut off. */
static void put(int y, attr_t attributes, const char *text)
{
	(void)attron(attributes);
	(void)mvaddnstr(y, 0, text, COLS);
	(void)attroff(attributes);
}

/* Is there room for the column, once those of lower rank have theirs? */
static bool fits(const struct column *c)
{
	return NAME_WIDTH + CELL * c->rank <= COLS;
}

static void put_titles(int y)
{
	(void)attron(A_REVERSE);
	(void)mvprintw(y, 0, "%-*.*s", NAME_WIDTH, COLS, "ENDPOINT");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (fits(&columns[i])) {
			(void)printw("%*s", CELL, columns[i].title);
		}
	}
	(void)printw("%*s", MAX(COLS - getcurx(stdscr), 0), "");
	(void)attroff(A_REVERSE);
}

static void put_row(int y, const struct rate *r)
{
	const double figures[] = {r->requests, r->errors, r->rx, r->tx, r->p50, r->p99,
		(double)r->peers, (double)r->drops};
	const attr_t bad = COLOR_PAIR(PAIR_BAD) | A_BOLD;
	bool down = strcmp(r->state, "up") != 0;
	char name[64], shown[16];

	quote_text(r->name, strlen(r->name), name, sizeof(name));
	(void)attrset(down ? bad : A_NORMAL);
	(void)mvprintw(y, 0, "%-*.*s", NAME_WIDTH, MIN(NAME_WIDTH, COLS), name);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (fits(&columns[i])) {
			(void)attrset(down || (i == 1 && r->errors > 0) ? bad : A_NORMAL);
			(void)printw("%*s", CELL, rate_format(figures[i], shown));
		}
	}
	(void)attrset(A_NORMAL);
	if (down && getcurx(stdscr) + 2 + (int)strlen(r->state) <= COLS) {
		(void)printw("  %s", r->state);
	}
}

void screen_draw(const char *uri, const struct snapshot *now, const struct snapshot *before,
	const char *says)
{
	char line[512], shown[300], version[64];
	struct rate r;

	(void)erase();
	quote_text(uri, strlen(uri), shown, sizeof(shown));
	if (now) {
		(void)snprintf(line, sizeof(line), "revd %s, up %.0f s, %llu worker%s, at %s",
			quote_text(now->version, strlen(now->version), version, sizeof(version)),
			now->uptime, (unsigned long long)now->workers, now->workers == 1 ? "" : "s",
			shown);
	} else {
		(void)snprintf(line, sizeof(line), "revd at %s", shown);
	}
	put(0, A_NORMAL, line);
	put(1, COLOR_PAIR(PAIR_BAD) | A_BOLD, says);
	if (now && LINES > 3) {
		put_titles(2);
	}
	for (size_t i = 0; now && i < now->n && (int)i + 3 < LINES; i++) {
		rate_of(&r, now, i, before);
		put_row((int)i + 3, &r);
	}
	(void)refresh();
}

enum screen_key screen_wait(int ms)
{
	int key;

	timeout(ms);
	key = getch();
	return key == 'q' || key == 'Q' ? SCREEN_QUIT
	       : key == KEY_RESIZE      ? SCREEN_RESIZED
					: SCREEN_NONE;
}
