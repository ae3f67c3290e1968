#include "revc/prompt.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "revc/keys.h"
#include "revc/patience.h"

#define HISTORY_SIZE 1000

struct prompt {
	EditLine *el;
	History *history;
	char file[PATH_MAX]; /* of the history; "": not kept */
	struct patience patience;
};

static char *prompt_text(EditLine *el)
{
	static char text[] = "revc> "; /* libedit's type lacks the const */

	(void)el;
	return text;
}

/* libedit cuts what is typed into characters by the locale; replies don't depend on it. */
static void use_utf8(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
		setlocale(LC_CTYPE, "C.UTF-8");
	}
}

/* $XDG_STATE_HOME/revc/history, by default below ~/.local/state: the XDG base
 * directory specification. */
static void find_history(char *ret, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = -1;

	if (state && *state == '/') {
		n = snprintf(ret, size, "%s/revc/history", state);
	} else if (home && *home == '/') {
		n = snprintf(ret, size, "%s/.local/state/revc/history", home);
	}
	if (n < 0 || (size_t)n >= size) {
		ret[0] = '\0';
	}
}

static void make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700); /* it may well exist; else saving fails, silently */
		*slash = '/';
	}
}

static int begin(struct prompt *pr, const char *uri)
{
	HistEvent ev;

	use_utf8();
	find_history(pr->file, sizeof(pr->file));
	pr->history = history_init();
	pr->el = el_init("revc", stdin, stdout, stderr);
	if (!pr->history || !pr->el) {
		return -ENOMEM;
	}
	history(pr->history, &ev, H_SETSIZE, HISTORY_SIZE);
	history(pr->history, &ev, H_SETUNIQUE, 1);
	if (pr->file[0]) {
		history(pr->history, &ev, H_LOAD, pr->file);
	}
	el_set(pr->el, EL_PROMPT, prompt_text);
	el_set(pr->el, EL_EDITOR, "emacs");
	el_set(pr->el, EL_SIGNAL, 1); /* a terminal left by a signal is a usable one */
	el_set(pr->el, EL_HIST, history, pr->history);
	keys_bind(pr->el);
	el_source(pr->el, NULL);
	return patience_init(&pr->patience, uri);
}

static void end(struct prompt *pr)
{
	HistEvent ev;

	if (pr->history && pr->file[0]) {
		mode_t old = umask(0077); /* what was typed is nobody else's business */

		make_directories(pr->file);
		history(pr->history, &ev, H_SAVE, pr->file);
		umask(old);
	}
	if (pr->el) {
		el_end(pr->el);
	}
	if (pr->history) {
		history_end(pr->history);
	}
	patience_finish(&pr->patience);
}

/* 0 or -errno, -ECANCELED for ^C. */
static int ask(struct filter *f, struct patience *patience, const char *line, size_t n)
{
	int r;

	patience_begin(patience);
	r = pipeline_push(&f->p, RV_OP_CALL, filter_tag(1, 1), line, n);
	while (r >= 0 && !pipeline_is_idle(&f->p)) {
		r = pipeline_wait(&f->p, patience->fd);
		if (r > 0 && patience_look(patience)) {
			r = -ECANCELED;
		}
	}
	patience_end(patience);
	return r;
}

/* What goes wrong with one line is told, and the next one may be typed. */
static int serve(struct filter *f, struct prompt *pr, const char *line, size_t n)
{
	HistEvent ev;
	int r;

	if (n > 0) {
		history(pr->history, &ev, H_ENTER, line);
	}
	r = ask(f, &pr->patience, line, n);
	if (r < 0 && !f->out.err) {
		pipeline_forget(&f->p);
		if (r != -ECANCELED) {
			(void)fprintf(stderr, "revc: %s\n", f->p.err.text);
		}
	}
	return output_flush(&f->out);
}

int prompt_run(struct filter *f)
{
	struct prompt pr = {.patience = {.fd = -1, .signal_fd = -1, .timer_fd = -1}};
	int r = begin(&pr, f->p.shown), n = 0;

	f->what = NULL;
	f->p.pause = patience_sleep;
	f->p.pause_ctx = &pr.patience;
	while (r == 0) {
		const char *line = el_gets(pr.el, &n);

		if (!line || n <= 0) {
			(void)fputs("\n", stdout); /* the shell's prompt begins a line */
			(void)fflush(stdout);
			break;
		}
		if (line[n - 1] == '\n') {
			n--;
		}
		r = serve(f, &pr, line, (size_t)n);
	}
	end(&pr);
	return r;
}
