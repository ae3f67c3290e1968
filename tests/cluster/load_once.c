/* The library alone: what gets lost stays lost. */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <revd/client.h>
#include "util/clock.h"

#define WINDOW 1024u
#define PATIENCE_NS UINT64_C(3000000000)

struct flight {
	struct load *l;
	struct revc *s;
	uint64_t id_base;
	uint64_t sent_ns[WINDOW]; /* 0: answered */
	uint64_t oldest;          /* all before are answered */
};

static int submit(struct flight *f)
{
	char text[LOAD_TEXT];
	uint64_t i = f->l->sent;
	int r = revc_submit(f->s, RV_OP_CALL, f->id_base + i, text, load_text(f->l, i, text));

	if (r == 0) {
		f->sent_ns[i % WINDOW] = clock_now();
		f->l->sent++;
	}
	return r;
}

static void take(struct flight *f, const struct revc_reply *reply)
{
	uint64_t i = reply->id - f->id_base, *sent = &f->sent_ns[i % WINDOW];

	if (i < f->oldest || i >= f->l->sent || *sent == 0) {
		f->l->wrong++; /* nobody's, or a second one */
		return;
	}
	load_answer(f->l, i, reply->status == RV_STATUS_OK, reply->data, reply->len,
		clock_now() - *sent);
	*sent = 0;
	while (f->oldest < f->l->sent && f->sent_ns[f->oldest % WINDOW] == 0) {
		f->oldest++;
	}
}

/* What has not been answered for so long is given up. */
static void give_up(struct flight *f)
{
	while (f->oldest < f->l->sent) {
		f->sent_ns[f->oldest++ % WINDOW] = 0;
	}
}

static int go_on(struct flight *f)
{
	struct revc_reply reply;
	int r = 0;

	while (r == 0 && !load_ends && f->l->sent - f->oldest < WINDOW) {
		r = submit(f);
	}
	r = r < 0 ? r : revc_receive(f->s, clock_now() + PATIENCE_NS, &reply);
	if (r == 0) {
		take(f, &reply);
	} else if (r == -ETIMEDOUT) {
		give_up(f);
		r = 0;
	}
	return r;
}

int load_once(struct load *l)
{
	static struct flight f;
	struct revc_err err;
	int r = revc_open(l->uri, NULL, &f.s, &err);

	if (r < 0) {
		(void)fprintf(stderr, "cluster_load: %s\n", err.text);
		return err.exit_code;
	}
	f.l = l;
	f.id_base = revc_id(f.s) + 1;
	l->began_ns = l->last_ns = clock_now();
	while (r == 0 && (!load_ends || f.oldest < l->sent)) {
		r = go_on(&f);
	}
	if (r < 0) {
		revc_error(f.s, &err);
		(void)fprintf(stderr, "cluster_load: %s\n", err.text);
	}
	revc_close(f.s);
	return r < 0 ? err.exit_code : 0;
}
