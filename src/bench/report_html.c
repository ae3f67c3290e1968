/*
 * One self-contained page: no script, no font, no image from elsewhere. The colours are
 * chosen so that the four transports stay apart for the colour-blind, in light and in
 * dark; the dashed lines have the colour of the thing that they belong to.
 */
#include "bench/figures.h"
#include "bench/markup.h"
#include "bench/plots.h"
#include "bench/report.h"

/* Of the page and of images on their own. */
#define COLOURS                                                                              \
	":root{color-scheme:light dark;--bg:#fff;--fg:#1c2128;--dim:#59636e;--line:#dde1e6;" \
	"--card:#f6f8fa;--s0:#0969da;--s1:#bf3989;--s2:#9a6700;--s3:#1a7f37;"                \
	"--s4:#8250df;--s5:#57606a}\n"                                                       \
	"@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;"   \
	"--line:#30363d;--card:#161b22;--s0:#58a6ff;--s1:#f778ba;--s2:#e3b341;--s3:#3fb950;" \
	"--s4:#a371f7;--s5:#9198a1}}\n"
#define LINES                                                                                     \
	"svg text,text{font:12px system-ui,sans-serif;fill:var(--dim)}svg .name{font-weight:600}" \
	".grid{stroke:var(--line)}.base{stroke:var(--dim)}polyline{fill:none;stroke-width:2;"     \
	"stroke-linejoin:round}.dashed polyline{stroke-dasharray:4 4;stroke-width:1.3;"           \
	"opacity:.75}\n"                                                                          \
	".s0 polyline{stroke:var(--s0)}.s0 circle,text.s0{fill:var(--s0)}"                        \
	".s1 polyline{stroke:var(--s1)}.s1 circle,text.s1{fill:var(--s1)}"                        \
	".s2 polyline{stroke:var(--s2)}.s2 circle,text.s2{fill:var(--s2)}"                        \
	".s3 polyline{stroke:var(--s3)}.s3 circle,text.s3{fill:var(--s3)}"                        \
	".s4 polyline{stroke:var(--s4)}.s4 circle,text.s4{fill:var(--s4)}"                        \
	".s5 polyline{stroke:var(--s5)}.s5 circle,text.s5{fill:var(--s5)}\n"

static const char image_style[] = COLOURS LINES;

static const char page_style[] = COLOURS LINES
	"*{box-sizing:border-box}body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:72rem;"
	"background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.7rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.5rem 0 .75rem}"
	"h3{font-size:1rem;margin:0 0 .5rem}p{margin:.5rem 0}.dim,figcaption{color:var(--dim);"
	"font-size:.9rem}.bad{border-left:4px solid #cf222e;padding:.5rem 1rem;"
	"background:var(--card)}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.6rem 1.25rem;margin:0}"
	"dt{font-weight:600}dd{margin:0}\n"
	".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));"
	"gap:1.25rem}figure{margin:0;padding:1rem;background:var(--card);"
	"border:1px solid var(--line);border-radius:8px}svg{width:100%;height:auto;display:block}\n"
	".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem;"
	"font-variant-numeric:tabular-nums}caption{text-align:left;font-weight:600;"
	"padding:.9rem 0 .3rem}th,td{padding:.25rem .6rem;text-align:right;"
	"border-bottom:1px solid var(--line);white-space:nowrap}th:first-child,td:first-child"
	"{text-align:left}td[colspan]{white-space:normal;text-align:left;"
	"color:var(--dim);font-weight:400!important}th{color:var(--dim);font-weight:500}"
	"tr.revd td{font-weight:600}code{background:var(--card);padding:.1rem .35rem;"
	"border-radius:4px}\n";

static void put_head(FILE *f, const struct report *r)
{
	const struct machine *m = r->machine;
	char text[512];

	fprintf(f,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<title>revbench: which local transport?</title>\n<style>%s</style></head><body>\n"
		"<h1>Which local transport?</h1>\n",
		page_style);
	snprintf(text, sizeof(text), "revd %s on %s, %u CPUs, %s, Linux %s, %s", r->revd_version,
		m->cpu, m->cpus, m->system, m->kernel, m->date);
	markup_element(f, "p class=\"dim\"", text);
	if (r->error) {
		snprintf(text, sizeof(text),
			"The run ended early; what follows is what was measured until then. %s",
			r->error);
		markup_element(f, "p class=\"bad\"", text);
	}
	for (size_t i = 0; i < m->n_notes; i++) {
		markup_element(f, "p class=\"bad\"", m->notes[i]);
	}
}

static void put_verdict(FILE *f, const struct verdict *v)
{
	fputs("<h2>Verdict</h2>\n<dl>\n", f);
	for (size_t i = 0; i < v->n; i++) {
		markup_element(f, "dt", verdict_topic(v->lines[i].about));
		markup_element(f, "dd", v->lines[i].text);
	}
	fputs("</dl>\n", f);
}

static void put_row(FILE *f, const struct bench_group *g, const struct bench_contender *c)
{
	struct figures_row r = figures_row(g, c);
	char median[16], low[16], high[16];

	fprintf(f, "<tr%s>", c->side == BENCH_REVD ? " class=\"revd\"" : "");
	markup_element(f, "td", c->name);
	if (c->n == 0) {
		markup_element(f, "td colspan=\"9\"", c->note[0] ? c->note : "no complete round");
		fputs("</tr>\n", f);
		return;
	}
	fprintf(f,
		"<td>%s</td><td>%s to %s</td><td>%.1f</td><td>%.1f</td><td>%.1f</td>"
		"<td>%.2f</td><td>%.2f</td><td>%.2f</td><td>",
		bench_number(r.rate.median, median), bench_number(r.rate.min, low),
		bench_number(r.rate.max, high), r.p50_us, r.p99_us, r.p999_us,
		r.cost.client_ns / 1000, r.cost.server_ns / 1000, r.cost.switches);
	if (r.share.n > 0) {
		fprintf(f, "%.0f %% (%.0f to %.0f)", 100 * r.share.median, 100 * r.share.min,
			100 * r.share.max);
	}
	fputs("</td></tr>\n", f);
}

static void put_group(FILE *f, const struct bench_group *g)
{
	char load[96], caption[160];

	snprintf(caption, sizeof(caption), "%s, %s", bench_load_text(&g->load, load, sizeof(load)),
		bench_regime_text(g->regime));
	fputs("<div class=\"scroll\"><table>", f);
	markup_element(f, "caption", caption);
	fputs("<thead><tr><th></th><th>requests/s</th><th>range</th><th>p50 µs</th>"
	      "<th>p99 µs</th><th>p99.9 µs</th><th>client µs</th><th>server µs</th>"
	      "<th>switches</th><th>of the floor</th></tr></thead><tbody>\n",
		f);
	for (size_t i = 0; i < g->n; i++) {
		put_row(f, g, &g->contenders[i]);
	}
	fputs("</tbody></table></div>\n", f);
}

static void put_method(FILE *f, const struct report *r)
{
	fputs("<h2>How this was measured</h2>\n<p>Repeat it with ", f);
	markup_element(f, "code", r->command);
	fprintf(f,
		". %u rounds; in each, every row of a table had %.0f ms, one after the other, and"
		" only figures of the same round were divided by each other. The cores were %s."
		" Every byte of every reply was checked. The floor is a bare pair of programs that"
		" does nothing but move the same bytes over the same transport. Client and server"
		" µs are CPU time per request, switches are context switches of both sides per"
		" request.</p>\n",
		r->rounds, (double)r->slice_ns / 1e6,
		r->machine->awake ? "kept awake by loops that run when nobody else wants to"
				  : "not kept awake");
}

void report_html(FILE *f, const struct report *r)
{
	put_head(f, r);
	put_verdict(f, r->verdict);
	fputs("<div class=\"plots\" style=\"margin-top:2.5rem\">\n", f);
	plots_put(f, r->plan);
	fputs("</div>\n<h2>All figures</h2>\n", f);
	for (size_t i = 0; i < r->plan->n; i++) {
		put_group(f, r->plan->groups[i]);
	}
	put_method(f, r);
	fputs("</body></html>\n", f);
}

void report_svg(FILE *f, const struct report *r)
{
	plots_image(f, r->plan, image_style);
}
