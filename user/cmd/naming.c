// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/naming.h"

#include <errno.h>
#include <stdlib.h>

#include "base/intern.h"

enum { MAX_LABELS = 8, UNKNOWN = UINT32_MAX };

struct naming {
	const struct mode *mode;
	const struct capture *capture;
	struct symbolizer *symbolizer;
};

/* One profile in the making: positions of the capture's ids in it. */
struct pass {
	struct naming *naming;
	struct profile *profile;
	uint32_t *stacks, *whos;
	struct intern tagged;
	uint32_t *labels; /* by id of `tagged` */
};

/* What labels are made of. */
struct tagged {
	uint64_t tag;
	uint32_t task, pad;
};

int naming_new(struct naming **ret, const struct mode *mode, const struct capture *capture,
	       const struct symbolizer_settings *settings)
{
	struct naming *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->mode = mode;
	n->capture = capture;
	r = symbolizer_new(&n->symbolizer, capture, settings);
	if (r < 0) {
		free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void naming_free(struct naming *n)
{
	if (!n)
		return;
	symbolizer_free(n->symbolizer);
	free(n);
}

static void add_field(const struct naming *n, const struct label_type *type, uint64_t field,
		      struct strbuf *out)
{
	if (type->text)
		type->text(field, out);
	else if (field < n->capture->strings.count)
		strbuf_adds(out, capture_string_at(n->capture, (uint32_t)field));
}

static int make_label(struct pass *p, const struct label_type *type, uint64_t tag,
		      struct label *ret)
{
	uint64_t field = tag >> type->shift & (UINT64_MAX >> (64 - type->bits));
	struct strbuf text = STRBUF_INIT;
	int r;

	add_field(p->naming, type, field, &text);
	r = text.failed ? -ENOMEM : profile_string(p->profile, type->name, &ret->name);
	if (r >= 0)
		r = profile_string(p->profile, strbuf_str(&text), &ret->value);
	if (r >= 0)
		r = text.len != 0;
	strbuf_done(&text);
	return r;
}

static int make_plain_label(struct pass *p, const char *name, const char *value, struct label *ret)
{
	int r = profile_string(p->profile, name, &ret->name);

	return r < 0 ? r : profile_string(p->profile, value, &ret->value);
}

static int make_labels(struct pass *p, const struct tagged *t, uint32_t *ret)
{
	const struct label_type *type = p->naming->mode->labels;
	const struct capture *c = p->naming->capture;
	const char *detached = capture_detached_at(c, t->tag);
	struct label labels[MAX_LABELS + 2];
	uint32_t nr = 0;
	int r;

	for (; type && type->name && nr < MAX_LABELS; type++) {
		r = make_label(p, type, t->tag, &labels[nr]);

		if (r < 0)
			return r;
		nr += r;
	}
	if (t->task) {
		r = make_plain_label(p, LABEL_TASK, capture_string_at(c, t->task), &labels[nr++]);
		if (r < 0)
			return r;
	}
	if (detached) {
		r = make_plain_label(p, LABEL_DETACHED, detached, &labels[nr++]);
		if (r < 0)
			return r;
	}
	return profile_labels(p->profile, &(struct label_set){ nr, labels }, ret);
}

/* Reading a tag may read files: once a tag. */
static int find_labels(struct pass *p, const struct raw_sample *s, uint32_t *ret)
{
	struct tagged tagged = { s->tag, s->task, 0 };
	uint32_t id, *labels;
	int r = intern_add(&p->tagged, &tagged, sizeof(tagged), &id);

	if (r <= 0) {
		if (!r)
			*ret = p->labels[id];
		return r;
	}
	labels = reallocarray(p->labels, id + 1u, sizeof(*labels));
	if (!labels)
		return -ENOMEM;
	p->labels = labels;
	r = make_labels(p, &tagged, &labels[id]);
	if (r >= 0)
		*ret = labels[id];
	return r;
}

static int find_who(struct pass *p, uint32_t raw, uint32_t *ret)
{
	const struct capture *c = p->naming->capture;
	const struct raw_who *w = capture_who_at(c, raw);
	struct who who = { .pid = w->pid, .tid = w->tid };
	int r;

	if (p->whos[raw] == UNKNOWN) {
		r = profile_string(p->profile, capture_string_at(c, w->comm), &who.comm);
		if (r >= 0)
			r = profile_string(p->profile, capture_string_at(c, w->container),
					   &who.container);
		if (r >= 0)
			r = profile_string(p->profile, capture_string_at(c, w->cgroup),
					   &who.cgroup);
		if (r >= 0)
			r = profile_who(p->profile, &who, &p->whos[raw]);
		if (r < 0)
			return r;
	}
	*ret = p->whos[raw];
	return 0;
}

static int add_sample(struct pass *p, const struct raw_sample *raw)
{
	struct sample s = { .bucket = raw->bucket,
			    .count = raw->count,
			    .total = raw->total,
			    .min = raw->min,
			    .max = raw->max };
	int r = 0;

	if (p->stacks[raw->stack] == UNKNOWN)
		r = symbolizer_stack(p->naming->symbolizer, raw->stack, p->profile,
				     &p->stacks[raw->stack]);
	s.stack = p->stacks[raw->stack];
	if (r >= 0)
		r = find_who(p, raw->who, &s.who);
	if (r >= 0)
		r = find_labels(p, raw, &s.labels);
	return r < 0 ? r : profile_add(p->profile, &s);
}

/* How many frames all samples have, and how many of them have no name. */
static void count_frames(struct profile *p)
{
	struct quality *q = &profile_info(p)->quality;

	for (uint32_t i = 0; i < profile_nr_samples(p); i++) {
		const struct sample *s = profile_sample_at(p, i);
		struct stack stack = profile_stack_at(p, s->stack);

		q->n[QUALITY_FRAMES] += s->count * stack.nr;
		for (uint32_t k = 0; k < stack.nr; k++)
			if (!profile_frame_at(p, stack.frames[k])->function)
				q->n[QUALITY_UNSYMBOLIZED] += s->count;
	}
}

static int copy_times(const struct capture *c, struct profile *p)
{
	int r = 0;

	for (uint32_t i = 0; i < c->times.pids.count && r >= 0; i++)
		r = profile_add_time(p, &c->times.all[i]);
	return r;
}

static uint32_t *unknown_ids(uint32_t nr)
{
	uint32_t *ids = malloc((nr + 1u) * sizeof(*ids));

	for (uint32_t i = 0; ids && i < nr; i++)
		ids[i] = UNKNOWN;
	return ids;
}

int naming_profile(struct naming *n, const struct profile_info *info, struct profile **ret)
{
	const struct capture *c = n->capture;
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct pass p = { .naming = n };
	int r = profile_new(&profile, info);

	p.profile = profile;
	p.stacks = unknown_ids(c->stacks.count);
	p.whos = unknown_ids(c->whos.count);
	if (!p.stacks || !p.whos)
		r = -ENOMEM;
	for (uint32_t i = 0; r >= 0 && i < c->nr_samples; i++)
		r = add_sample(&p, &c->samples[i]);
	if (r >= 0)
		r = copy_times(c, profile);
	free(p.stacks);
	free(p.whos);
	free(p.labels);
	intern_done(&p.tagged);
	if (r < 0)
		return r;
	count_frames(profile);
	*ret = profile;
	profile = NULL;
	return 0;
}

int naming_stack(struct naming *n, uint32_t raw_stack, struct profile *into, uint32_t *ret_stack)
{
	return symbolizer_stack(n->symbolizer, raw_stack, into, ret_stack);
}

void naming_tag(const struct naming *n, uint64_t tag, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	for (const struct label_type *t = n->mode->labels; t && t->name; t++) {
		strbuf_reset(&text);
		add_field(n, t, tag >> t->shift & (UINT64_MAX >> (64 - t->bits)), &text);
		/* Nothing: the sample has no such label, as in make_label(). */
		if (text.len)
			strbuf_addf(out, "%s%s=%s", out->len ? " " : "", t->name,
				    strbuf_str(&text));
	}
	strbuf_done(&text);
}
