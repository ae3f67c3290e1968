/* Runs the fuzz target that it is linked with over each file it is given, and
 * over each file (no deeper) in the directories it is given. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "fuzz/fuzz.h"
#include "util/fd.h"

#define INPUT_MAX (1u << 20)

static int replay_file(const char *path)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FREE uint8_t *input = NULL;
	size_t n;
	int r = fd_read_file(path, INPUT_MAX, &text, &n);

	/* Of exactly that size, so that a sanitizer sees what reads beyond it. */
	input = malloc(n ? n : 1);
	if (r < 0 || !input) {
		fprintf(stderr, "%s: %s\n", path, strerror(r < 0 ? -r : ENOMEM));
		return -1;
	}
	memcpy(input, text, n);
	LLVMFuzzerTestOneInput(input, n);
	return 1;
}

/* The number of files, or -1. */
static int replay(const char *path)
{
	CLEANUP_FREE struct dirent **entries = NULL;
	struct stat st;
	int n, done = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		return replay_file(path);
	}
	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		CLEANUP_FREE struct dirent *entry = entries[i];
		char file[4096];

		if (entry->d_name[0] == '.' || entry->d_type == DT_DIR || done < 0) {
			continue;
		}
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		done = replay_file(file) < 0 ? -1 : done + 1;
	}
	return done;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int n = replay(argv[i]);

		if (n <= 0) {
			fprintf(stderr, "%s: no inputs\n", argv[i]);
			return EXIT_FAILURE;
		}
		total += n;
	}
	printf("%d inputs\n", total);
	return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
