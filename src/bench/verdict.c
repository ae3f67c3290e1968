#include "bench/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "bench/figures.h"

struct topic {
	const char *name;
	struct bench_load load;
	const char *what; /* the figure that decides */
};

static const struct topic topics[] = {
	[VERDICT_LATENCY] = {"latency", {.size = 64, .clients = 1, .window = 1},
		"round trips/s, one 64-byte request at a time"},
	[VERDICT_THROUGHPUT] = {"throughput", {.size = 64, .clients = 1, .window = 64},
		"requests/s, 64 of 64 bytes in flight"},
	[VERDICT_LARGE] = {"large texts", {.size = 16384, .clients = 1, .window = 64},
		"requests/s, 64 of 16 KiB in flight"},
	[VERDICT_MANY] = {"many clients", {.size = 64, .clients = 50, .window = 1},
		"requests/s of 50 clients together"},
	[VERDICT_ISOLATION] = {"isolation", {0}, NULL},
	[VERDICT_SPIN] = {"spinning", {0}, NULL},
	[VERDICT_FLOOR] = {"the floor", {0}, NULL},
	[VERDICT_CHOICE] = {"in short", {0}, NULL},
};
_Static_assert(ARRAY_SIZE(topics) == VERDICT_TOPICS, "one each");

const char *verdict_topic(enum verdict_about a)
{
	return topics[a].name;
}

static PRINTF(2, 3) void append(struct verdict_line *l, const char *fmt, ...)
{
	size_t n = strlen(l->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->text + n, sizeof(l->text) - n, fmt, ap);
	va_end(ap);
}

static const struct bench_contender *find_revd(const struct bench_group *g, int t)
{
	return figures_find(g, BENCH_REVD, (enum bench_transport)t);
}

static const struct bench_contender *find_best(const struct bench_group *g)
{
	const struct bench_contender *best = NULL;

	for (int t = 0; t < BENCH_TRANSPORTS; t++) {
		const struct bench_contender *c = find_revd(g, t);

		if (c && (!best || figures_ratio(c, best).median > 1)) {
			best = c;
		}
	}
	return best;
}

static void compare_rest(
	struct verdict_line *l, const struct bench_group *g, const struct bench_contender *best)
{
	const char *sep = ": ";

	if (!figures_comparable(g)) {
		append(l, "; not pinned, so not compared.");
		return;
	}

	for (int t = 0; t < BENCH_TRANSPORTS; t++) {
		const struct bench_contender *c = find_revd(g, t);
		struct range r;

		if (!c || c == best) {
			continue;
		}
		r = figures_ratio(best, c);
		if (figures_is_noise(&r)) {
			append(l, "%sno different from %s within the noise (%.2f-%.2f)", sep,
				bench_transport_name(c->transport), r.min, r.max);
		} else {
			append(l, "%s%.2fx %s (%.2f-%.2f)", sep, r.median,
				bench_transport_name(c->transport), r.min, r.max);
		}
		sep = ", ";
	}
	append(l, ".");
}

static void judge(struct verdict *v, const struct plan *p, enum verdict_about about)
{
	const struct topic *t = &topics[about];
	const struct bench_group *g = plan_find(p, "matrix", &t->load);
	const struct bench_contender *best = g ? find_best(g) : NULL;
	struct verdict_line *l = &v->lines[v->n];
	char rate[16];

	if (!best) {
		return; /* it was not measured */
	}
	*l = (struct verdict_line){
		.about = about, .known = figures_comparable(g), .best = best->transport};
	append(l, "%s, %s %s (p50 %.1f us, p99 %.1f us)", bench_transport_name(best->transport),
		bench_number(figures_rate(best).median, rate), t->what,
		figures_latency_us(best, 0.5), figures_latency_us(best, 0.99));
	compare_rest(l, g, best);
	v->n++;
}

/* Groups in which each transport is there twice, as `usual` and with something added. */
struct pairs {
	enum verdict_about about;
	const char *purpose, *intro, *outro;
	bool gain; /* what is added is there to make it faster */
};

static const struct pairs isolation = {VERDICT_ISOLATION, "isolation",
	"beside a client with 64 requests in flight a round trip takes ",
	"; a socket tells the daemon who calls and is the client's alone, a FIFO or queue is one"
	" anonymous line for all.",
	false};

static const struct pairs spinning = {VERDICT_SPIN, "spin",
	"with `spin = " BENCH_SPIN_TIME "` one request at a time is answered faster: ",
	"; an idle daemon sleeps all the same.", true};

/* "1.7x on uds stream (1.3-2.0; 31.0 us of server CPU a request, not 53.0)" */
static void put_pair(struct verdict_line *l, const struct range *r, bool gain,
	const struct bench_contender *usual, const struct bench_contender *other)
{
	append(l, "%.1fx on %s (%.1f-%.1f", r->median, bench_transport_name(usual->transport),
		r->min, r->max);
	if (gain) {
		append(l, "; %.1f us of server CPU a request, not %.1f)",
			figures_cost(other).server_ns / 1000, figures_cost(usual).server_ns / 1000);
	} else {
		append(l, ", p99 %.0f us)", figures_latency_us(other, 0.99));
	}
}

static void judge_pairs(struct verdict *v, const struct plan *p, const struct pairs *pairs)
{
	const struct bench_group *g = plan_find(p, pairs->purpose, &topics[VERDICT_LATENCY].load);
	struct verdict_line *l = &v->lines[v->n];
	double best = 0;

	*l = (struct verdict_line){.about = pairs->about};
	for (size_t i = 0; g && figures_comparable(g) && i + 1 < g->n; i += 2) {
		const struct bench_contender *usual = &g->contenders[i], *other = usual + 1;
		struct range r =
			pairs->gain ? figures_ratio(other, usual) : figures_ratio(usual, other);

		if (r.n == 0) {
			continue;
		}
		append(l, "%s", l->known ? ", " : pairs->intro);
		put_pair(l, &r, pairs->gain, usual, other);
		if (!l->known || (pairs->gain ? r.median > best : r.median < best)) {
			best = r.median;
			l->best = usual->transport;
		}
		l->known = true;
	}
	if (l->known) {
		append(l, "%s", pairs->outro);
		v->n++;
	}
}

/* "uds stream 94 %, fifo 97 %" of one load; false if it was not measured. */
static bool put_shares(struct verdict_line *l, const struct plan *p, enum verdict_about of)
{
	const struct bench_group *g = plan_find(p, "matrix", &topics[of].load);
	bool any = false;

	for (int t = 0; g && figures_comparable(g) && t < BENCH_TRANSPORTS; t++) {
		const struct bench_contender *c = find_revd(g, t);
		const struct bench_contender *floor =
			figures_find(g, BENCH_FLOOR, (enum bench_transport)t);

		if (c && floor) {
			append(l, "%s%s %.0f %%", l->text[0] ? ", " : "revd reaches ",
				bench_transport_name(c->transport),
				100 * figures_ratio(c, floor).median);
			any = true;
		}
	}
	return any;
}

/* How near the daemon is to bare programs, in the two loads that show most. */
static void judge_floor(struct verdict *v, const struct plan *p)
{
	struct verdict_line *l = &v->lines[v->n];

	*l = (struct verdict_line){.about = VERDICT_FLOOR};
	if (put_shares(l, p, VERDICT_LATENCY)) {
		append(l, " with one in flight");
	}
	if (put_shares(l, p, VERDICT_THROUGHPUT)) {
		append(l, " with 64 in flight");
	}
	if (l->text[0]) {
		append(l, ", of what bare programs reach on this machine.");
		v->n++;
	}
}

/* How a transport does over all loads that were judged. */
struct standing {
	unsigned good, judged; /* best, or no different from the best; of so many */
	double slower;         /* how many times as fast the best are, all loads multiplied */
	double behind;         /* the same of the load where it is furthest behind */
	enum verdict_about where;
};

static struct standing standing(const struct plan *p, int t)
{
	struct standing s = {.slower = 1, .behind = 1};

	for (int about = VERDICT_LATENCY; about <= VERDICT_MANY; about++) {
		const struct bench_group *g = plan_find(p, "matrix", &topics[about].load);
		const struct bench_contender *best = g ? find_best(g) : NULL;
		const struct bench_contender *c = g ? find_revd(g, t) : NULL;
		struct range r;

		if (!best || !c || !figures_comparable(g)) {
			continue;
		}
		r = figures_ratio(best, c);
		s.judged++;
		if (c == best || figures_is_noise(&r)) {
			s.good++;
			continue;
		}
		s.slower *= r.median;
		if (r.median > s.behind) {
			s.behind = r.median;
			s.where = (enum verdict_about)about;
		}
	}
	return s;
}

/* The best transport from first to last; -1 if none was judged. */
static int choose(const struct plan *p, int first, int last)
{
	double slower = 0;
	int best = -1;

	for (int t = first; t <= last; t++) {
		struct standing s = standing(p, t);

		if (s.judged > 0 && (best < 0 || s.slower < slower)) {
			best = t;
			slower = s.slower;
		}
	}
	return best;
}

static void put_standing(struct verdict_line *l, const struct plan *p, int t)
{
	struct standing s = standing(p, t);

	append(l, "take %s: best or no different from the best in %u of %u loads",
		bench_transport_name((enum bench_transport)t), s.good, s.judged);
	if (s.behind > 1) {
		append(l, " (furthest behind, %.2fx, in: %s)", s.behind, topics[s.where].name);
	}
}

/* What keeps clients apart and knows them is judged by itself, too: that is no matter of speed. */
static void judge_choice(struct verdict *v, const struct plan *p)
{
	struct verdict_line *l = &v->lines[v->n];
	int all = choose(p, 0, BENCH_TRANSPORTS - 1);
	int socket = choose(p, BENCH_STREAM, BENCH_SHM);

	if (all < 0 || standing(p, all).judged < 2) {
		return;
	}
	*l = (struct verdict_line){
		.about = VERDICT_CHOICE, .known = true, .best = (enum bench_transport)all};
	put_standing(l, p, all);
	if (socket >= 0 && socket != all) {
		append(l, "; where clients do not trust each other ");
		put_standing(l, p, socket);
	}
	append(l, ".");
	v->n++;
}

void verdict_make(struct verdict *v, const struct plan *p)
{
	memset(v, 0, sizeof(*v));
	judge(v, p, VERDICT_LATENCY);
	judge(v, p, VERDICT_THROUGHPUT);
	judge(v, p, VERDICT_LARGE);
	judge(v, p, VERDICT_MANY);
	judge_pairs(v, p, &isolation);
	judge_pairs(v, p, &spinning);
	judge_floor(v, p);
	judge_choice(v, p);
}
