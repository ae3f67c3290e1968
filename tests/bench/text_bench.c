/*
 * How fast the text library is, next to the loops that one
 * would write without it.
 *
 * The contenders take turns in rounds of a few milliseconds of CPU time. A ratio is the median of
 * the ratios of the rounds, so that what disturbs the machine for a while
 * disturbs both sides of it. GB/s count the input once; validation is included
 * for the text library, and for nobody else that does not say so.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include "text/text.h"
#include "util/macro.h"

#define ROUNDS 7
#define ROUND_NS 4000000u
#define SIZE_MAX_BENCH 65536u

struct job {
	enum text_unit unit;
	const uint8_t *text;
	size_t n;
	uint8_t *out;
};

struct contender {
	const char *name;
	enum text_simd simd; /* for the kernels */
	void (*run)(const struct contender *, const struct job *);
	bool units[TEXT_UNIT_COUNT];
};

/* The text library, as the service calls it. */
static void run_best(const struct contender *c, const struct job *job)
{
	size_t bad;

	(void)c;
	if (text_kernel_best()->reverse[job->unit](job->text, job->n, job->out, &bad) < 0) {
		abort();
	}
}

static void run_kernel(const struct contender *c, const struct job *job)
{
	size_t bad;

	if (text_kernel_find(c->simd)->reverse[job->unit](job->text, job->n, job->out, &bad) < 0) {
		abort();
	}
}

/* The loop without libraries: no validation, code points at most. */
static void run_loop(const struct contender *c, const struct job *job)
{
	size_t start = 0;

	(void)c;
	if (job->unit == TEXT_BYTE) {
		for (size_t i = 0; i < job->n; i++) {
			job->out[job->n - 1 - i] = job->text[i];
		}
		return;
	}
	for (size_t i = 1; i <= job->n; i++) {
		if (i < job->n && (job->text[i] & 0xC0) == 0x80) {
			continue;
		}
		for (size_t k = start; k < i; k++) {
			job->out[job->n - i + (k - start)] = job->text[k];
		}
		start = i;
	}
}

static const struct contender contenders[] = {
	{.name = "revd", .run = run_best, .units = {true, true, true}},
	{.name = "avx2", .run = run_kernel, .simd = TEXT_AVX2, .units = {true, true, true}},
	{.name = "ssse3", .run = run_kernel, .simd = TEXT_SSSE3, .units = {true, true, true}},
	{.name = "portable", .run = run_kernel, .simd = TEXT_PORTABLE, .units = {true, true, true}},
	{.name = "loop", .run = run_loop, .units = {false, true, true}},
};

static bool takes_part(const struct contender *c, enum text_unit unit)
{
	return c->units[unit] && (c->run != run_kernel || text_kernel_find(c->simd));
}

/* Nanoseconds of CPU that this thread had: waiting for one's turn on a busy machine is
 * not counted. */
static uint64_t cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* GB/s of one contender in one round. */
static double measure(const struct contender *c, const struct job *job)
{
	uint64_t batch = 1 + 200000 / (job->n + 50), calls = 0;
	uint64_t start = cpu_now(), now = start;

	while (now - start < ROUND_NS) {
		for (uint64_t i = 0; i < batch; i++) {
			c->run(c, job);
			/* The result counts as used. */
			__asm__ volatile("" : : "r"(job->out) : "memory");
		}
		calls += batch;
		now = cpu_now();
	}
	return (double)(calls * job->n) / (double)(now - start);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the rounds' values: the median is in the middle. */
static double median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof(values[0]), compare);
	return values[ROUNDS / 2];
}

static void print_contender(const struct contender *c, const struct job *job, double rates[ROUNDS],
	const double best[ROUNDS], double target)
{
	double ratios[ROUNDS], middle, rate;

	for (size_t i = 0; i < ROUNDS; i++) {
		ratios[i] = best[i] / rates[i];
	}
	middle = median(ratios);
	rate = median(rates);
	printf("    %-10s %7.3f GB/s %9.1f ns", c->name, rate, (double)job->n / rate);
	if (c != &contenders[0]) {
		printf("   revd is %.2f times as fast (%.2f to %.2f)", middle, ratios[0],
			ratios[ROUNDS - 1]);
	} else if (target > 0) {
		printf("   target %.1f GB/s: %s", target, rate >= target ? "reached" : "MISSED");
	}
	printf("\n");
}

static void bench(const char *title, const struct job *job, double target)
{
	static const char *const units[] = {"grapheme", "codepoint", "byte"};
	double rates[ARRAY_SIZE(contenders)][ROUNDS], best[ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(contenders); i++) {
			if (takes_part(&contenders[i], job->unit)) {
				rates[i][round] = measure(&contenders[i], job);
			}
		}
	}
	memcpy(best, rates[0], sizeof(best));
	printf("%s, %zu bytes, unit = %s\n", title, job->n, units[job->unit]);
	for (size_t i = 0; i < ARRAY_SIZE(contenders); i++) {
		if (takes_part(&contenders[i], job->unit)) {
			print_contender(&contenders[i], job, rates[i], best, target);
		}
	}
}

/* The sample over and over, n bytes at most and no code point cut. */
static size_t fill(uint8_t *buf, size_t n, const char *sample)
{
	size_t length = strlen(sample), end = n;

	for (size_t i = 0; i < n; i++) {
		buf[i] = (uint8_t)sample[i % length];
	}
	while (end > 0 && ((uint8_t)sample[end % length] & 0xC0) == 0x80) {
		end--;
	}
	return end;
}

static const struct {
	const char *title, *text;
	size_t sizes[5]; /* ends with 0 */
	bool units[TEXT_UNIT_COUNT];
	double targets[TEXT_UNIT_COUNT]; /* GB/s from 1 KiB on; 0: none */
} samples[] = {
	{"ASCII",
		"There is no greater agony than bearing an untold story inside you; so write it "
		"down, one line at a time. ",
		{16, 64, 1024, 65536}, {true, true, true}, {8, 8, 8}},
	{"Spanish with emoji",
		"El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío; añoraba a su "
		"querido cachorro. \"¿Qué tal, Íñigo? 😀 ¡Mañana llegará la cigüeña a Logroño!\", "
		"dijo la niña — y después, en el jardín: «¿Vendrá toda la familia "
		"👨‍👩‍👧‍👦 "
		"desde "
		"España 🇪🇸 o sólo la abuela?» Según el periódico, el avión aterrizará el miércoles "
		"a "
		"las ocho; habrá café, azúcar y plátanos para todos 👍🏽. Así terminó "
		"aquel "
		"sábado de "
		"otoño, sin prisa y con muchísima música. ",
		{64, 1024, 65536}, {true, true, false}, {0.5, 1, 0}},
	{"Emoji only", "👨‍👩‍👧‍👦🇪🇸👍🏽❤️😀🎉", {1024},
		{true, true, false}},
	{"Spanish, decomposed",
		"El pingu\u0308ino hizo kilo\u0301metros bajo la lluvia y fri\u0301o. ", {1024},
		{true, false, false}},
	{"Russian", "В чащах юга жил бы цитрус? Да, но фальшивый экземпляр! ", {1024},
		{true, true, false}},
	{"Hindi", "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले। ", {1024},
		{true, true, false}},
	{"Arabic, vocalised", "صِفْ خَلْقَ خَوْدٍ كَمِثْلِ ٱلشَّمْسِ إِذْ بَزَغَتْ ", {1024}, {true, true, false}},
	{"Japanese", "いろはにほへと ちりぬるを、我が世誰ぞ常ならむ。テストデータ ", {1024},
		{true, true, false}},
	{"Korean", "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. ", {1024},
		{true, true, false}},
};

static void print_machine(void)
{
	char line[256], *name = NULL;
	struct utsname u;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && !name && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) == 0 && (name = strstr(line, ": "))) {
			name[strcspn(name, "\n")] = '\0';
		}
	}
	if (f) {
		fclose(f);
	}
	printf("cpu: %s\n", name ? name + 2 : "unknown");
	if (uname(&u) == 0) {
		printf("system: %s %s %s\n", u.sysname, u.release, u.machine);
	}
	printf("compiler: %s\nUnicode %s\n", __VERSION__, text_unicode_version());
	printf("%d interleaved rounds of %u ms; medians, ratios with their range\n\n", ROUNDS,
		ROUND_NS / 1000000);
}

int main(void)
{
	static uint8_t text[SIZE_MAX_BENCH], out[SIZE_MAX_BENCH];

	print_machine();
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		for (const size_t *size = samples[i].sizes; *size; size++) {
			for (enum text_unit unit = 0; unit < TEXT_UNIT_COUNT; unit++) {
				struct job job = {.unit = unit, .text = text, .out = out};

				job.n = fill(text, *size, samples[i].text);
				if (samples[i].units[unit]) {
					bench(samples[i].title, &job,
						*size < 1024 ? 0 : samples[i].targets[unit]);
				}
			}
		}
	}
	return EXIT_SUCCESS;
}
