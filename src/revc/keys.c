#include "revc/keys.h"

#include <signal.h>
#include <stdint.h>
#include <wchar.h>
#include "text/cluster.h"
#include "util/macro.h"

/* Code points of the last grapheme cluster of the n > 0 bytes of valid UTF-8. */
static int last_cluster(const uint8_t *text, size_t n)
{
	size_t start = 0, end;
	int count = 0;

	while ((end = cluster_end(text, n, start)) < n) {
		start = end;
	}
	for (size_t i = start; i < n; i++) {
		count += (text[i] & 0xC0) != 0x80;
	}
	return count;
}

/* libedit deletes code points: of a family only the youngest child, of a flag a half. */
static unsigned char delete_cluster(EditLine *el, wint_t c)
{
	const LineInfo *li = el_line(el);
	size_t n = (size_t)(li->cursor - li->buffer);

	(void)c;
	if (n == 0) {
		return CC_ERROR;
	}
	el_deletestr(el, last_cluster((const uint8_t *)li->buffer, n));
	return CC_REDISPLAY;
}

/* libedit's own handlers put the terminal right before and after. */
static unsigned char suspend(EditLine *el, wint_t c)
{
	(void)el;
	(void)c;
	raise(SIGTSTP);
	return CC_REDISPLAY;
}

static unsigned char quit(EditLine *el, wint_t c)
{
	(void)el;
	(void)c;
	raise(SIGQUIT);
	return CC_REDISPLAY;
}

void keys_bind(EditLine *el)
{
	static const struct {
		const wchar_t *key, *function, *help;
		unsigned char (*run)(EditLine *, wint_t);
	} keys[] = {
		{L"^?", L"revc-delete", L"Delete the character before the cursor", delete_cluster},
		{L"^H", L"revc-delete", L"Delete the character before the cursor", delete_cluster},
		{L"^Z", L"revc-suspend", L"Stop revc for a while", suspend},
		{L"^\\", L"revc-quit", L"End revc with a core", quit},
	};

	/* By the wide functions: the others leak what they make of these strings. */
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		el_wset(el, EL_ADDFN, keys[i].function, keys[i].help, keys[i].run);
		el_wset(el, EL_BIND, keys[i].key, keys[i].function, NULL);
	}
	/* While a line is typed they are keys; while a reply is awaited they are signals. */
	el_set(el, EL_SETTY, "-d", "-isig", NULL);
	el_set(el, EL_BIND, "^C", "ed-start-over", NULL);
}
