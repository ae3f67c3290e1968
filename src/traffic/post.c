#include "traffic/post.h"

#include <errno.h>
#include <stdlib.h>

struct post {
	void (*fn)(void *in, void *arg);
	void *arg;
	struct post *next;
};

int post_add(struct rv_instance *in, void (*fn)(void *in, void *arg), void *arg)
{
	struct post *p = malloc(sizeof(*p));

	if (!p) {
		return -ENOMEM;
	}
	*p = (struct post){.fn = fn, .arg = arg};
	pthread_mutex_lock(&in->post_lock);
	*in->posts_end = p;
	in->posts_end = &p->next;
	pthread_mutex_unlock(&in->post_lock);
	worker_wake(in->worker);
	return 0;
}

static struct post *take_all(struct rv_instance *in)
{
	struct post *p;

	pthread_mutex_lock(&in->post_lock);
	p = in->posts;
	in->posts = NULL;
	in->posts_end = &in->posts;
	pthread_mutex_unlock(&in->post_lock);
	return p;
}

void post_run(struct rv_instance *in)
{
	struct post *p = take_all(in);

	while (p) {
		struct post *next = p->next;

		p->fn(in->attached ? in->block : NULL, p->arg);
		free(p);
		p = next;
	}
}
