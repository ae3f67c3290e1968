#include "load/report.h"

#include <errno.h>
#include <stdio.h>
#include "proto/status.h"
#include "util/json.h"

#define MS 1e6

static struct tally sum(const struct options *o, const struct tally *tallies)
{
	struct tally all = {0};

	for (size_t i = 0; i < o->n_ways; i++) {
		tally_add(&all, &tallies[i]);
	}
	return all;
}

bool report_judge(const struct options *o, const struct tally *tallies)
{
	struct tally all = sum(o, tallies);
	bool slow = o->pause_max > 0 && hist_quantile(&all.pauses, .99) > o->pause_max;
	bool idle = false;

	for (size_t i = 0; i < o->n_ways; i++) {
		idle |= tallies[i].answered == 0;
	}
	return tally_is_fine(&all, o->may_lose) && !slow && !idle && events_failed(&o->events) == 0;
}

static void print_row(const char *name, const struct tally *t)
{
	printf("%-16s %10llu %10llu %6llu %5llu %5llu %5llu %7llu %6llu %9.1f %9.1f %9.1f\n", name,
		(unsigned long long)t->sent, (unsigned long long)t->answered,
		(unsigned long long)t->lost, (unsigned long long)t->duplicated,
		(unsigned long long)t->misdelivered, (unsigned long long)t->wrong,
		(unsigned long long)tally_refused(t, true), (unsigned long long)t->broken,
		(double)hist_quantile(&t->pauses, .5) / MS,
		(double)hist_quantile(&t->pauses, .99) / MS, (double)t->longest / MS);
}

static void print_refusals(const char *name, const struct tally *t)
{
	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		if (t->refused[i] > 0) {
			printf("%s: %llu times %s\n", name, (unsigned long long)t->refused[i],
				status_name(i));
		}
	}
	if (t->late > 0) {
		printf("%s: %llu replies came when they had been given up\n", name,
			(unsigned long long)t->late);
	}
}

void report_print(const struct report *r)
{
	const struct options *o = r->options;
	struct tally all = sum(o, r->tallies);

	printf("%-16s %10s %10s %6s %5s %5s %5s %7s %6s %29s\n", "way", "sent", "answered", "lost",
		"twice", "other", "wrong", "refused", "broken", "pause, ms: p50    p99  worst");
	for (size_t i = 0; i < o->n_ways; i++) {
		print_row(o->ways[i].name, &r->tallies[i]);
	}
	print_row("all", &all);
	for (size_t i = 0; i < o->n_ways; i++) {
		print_refusals(o->ways[i].name, &r->tallies[i]);
	}
	for (size_t i = 0; i < o->events.n; i++) {
		const struct event *e = &o->events.list[i];

		printf("%llu times: %s (%llu failed, the longest took %.0f ms)\n",
			(unsigned long long)e->done, e->command, (unsigned long long)e->failed,
			(double)e->longest / MS);
	}
	printf("%.1f s, %.0f requests/s: %s\n", (double)r->took / 1e9,
		(double)all.answered * 1e9 / (double)r->took, r->fine ? "fine" : "NOT FINE");
}

static void write_way(struct json_writer *j, const char *name, const struct tally *t)
{
	json_write_object(j, NULL);
	json_write_string(j, "way", name);
	json_write_uint(j, "sent", t->sent);
	json_write_uint(j, "answered", t->answered);
	json_write_uint(j, "lost", t->lost);
	json_write_uint(j, "late", t->late);
	json_write_uint(j, "duplicated", t->duplicated);
	json_write_uint(j, "misdelivered", t->misdelivered);
	json_write_uint(j, "wrong", t->wrong);
	json_write_uint(j, "broken", t->broken);
	json_write_object(j, "refused");
	for (unsigned i = 0; i < RV_STATUS_COUNT; i++) {
		if (t->refused[i] > 0) {
			json_write_uint(j, status_name(i), t->refused[i]);
		}
	}
	json_write_end(j);
	json_write_object(j, "pause_ms");
	json_write_double(j, "p50", (double)hist_quantile(&t->pauses, .5) / MS, 3);
	json_write_double(j, "p99", (double)hist_quantile(&t->pauses, .99) / MS, 3);
	json_write_double(j, "worst", (double)t->longest / MS, 3);
	json_write_end(j);
	json_write_end(j);
}

int report_write(const struct report *r, const char *path)
{
	FILE *f = fopen(path, "we");
	struct json_writer j = {.file = f, .lines = 2};
	struct tally all = sum(r->options, r->tallies);

	if (!f) {
		return -errno;
	}
	json_write_object(&j, NULL);
	json_write_bool(&j, "fine", r->fine);
	json_write_double(&j, "seconds", (double)r->took / 1e9, 3);
	json_write_uint(&j, "events_failed", events_failed(&r->options->events));
	json_write_array(&j, "ways");
	for (size_t i = 0; i < r->options->n_ways; i++) {
		write_way(&j, r->options->ways[i].name, &r->tallies[i]);
	}
	write_way(&j, "all", &all);
	json_write_end(&j);
	json_write_end(&j);
	fputc('\n', f);
	return fclose(f) == 0 ? 0 : -errno;
}
