// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"
#include "model/summary.h"

struct source {
	const struct profile *p;
	uint32_t file;
	struct source_sum *sum;
	struct intern lines; /* → the index in sum->lines */
	uint32_t *seen;	     /* by the same: the last stack that counted it, plus 1 */
	uint32_t cap_lines, cap_seen;
};

static enum leaf leaf_of(enum frame_kind kind)
{
	switch (kind) {
	case FRAME_INTERPRETER:
		return LEAF_INTERPRETED;
	case FRAME_KERNEL:
		return LEAF_KERNEL;
	case FRAME_MARK:
		return LEAF_OTHER;
	default:
		return LEAF_NATIVE;
	}
}

static int find_line(struct source *s, uint32_t line, uint32_t *ret)
{
	int r = intern_add(&s->lines, &line, sizeof(line), ret);

	if (r < 0 || array_reserve(s->sum->lines, s->cap_lines, *ret + 1u) < 0 ||
	    array_reserve(s->seen, s->cap_seen, *ret + 1u) < 0)
		return -ENOMEM;
	if (r) {
		s->sum->lines[*ret] = (struct line_sum){ .line = line };
		s->seen[*ret] = 0;
		s->sum->nr++;
	}
	return 0;
}

static int sum_stack(struct source *s, uint32_t id, uint64_t value)
{
	struct stack stack = profile_stack_at(s->p, id);
	bool innermost = true, any = false;
	enum leaf leaf = LEAF_OTHER;

	for (uint32_t i = 0; i < stack.nr; i++) {
		const struct frame *f = profile_frame_at(s->p, stack.frames[i]);
		bool self = innermost;
		uint32_t at;

		if (!i)
			leaf = leaf_of(f->kind);
		if (f->kind != FRAME_INTERPRETER)
			continue;
		innermost = false;
		if (f->file != s->file)
			continue;
		if (find_line(s, f->line, &at) < 0)
			return -ENOMEM;
		any = true;
		s->sum->lines[at].self += self ? value : 0;
		s->sum->self += self ? value : 0;
		if (s->seen[at] == id + 1)
			continue;
		s->seen[at] = id + 1;
		s->sum->lines[at].total += value;
		s->sum->lines[at].leaf[leaf] += value;
	}
	s->sum->total += any ? value : 0;
	return 0;
}

static int by_line(const void *a, const void *b)
{
	const struct line_sum *x = a, *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

int summary_source(const struct profile *p, uint32_t file, struct source_sum *ret)
{
	uint32_t nr_stacks = profile_nr_stacks(p);
	_cleanup_free_ uint64_t *values = calloc(nr_stacks + 1u, sizeof(*values));
	struct source_sum sum = { 0 };
	struct source s = { .p = p, .file = file, .sum = &sum };
	int r = values ? 0 : -ENOMEM;

	for (uint32_t i = 0; !r && i < profile_nr_samples(p); i++) {
		const struct sample *sample = profile_sample_at(p, i);

		values[sample->stack] += profile_value(p, sample, 0);
	}
	for (uint32_t i = 0; !r && i < nr_stacks; i++)
		if (values[i])
			r = sum_stack(&s, i, values[i]);
	intern_done(&s.lines);
	free(s.seen);
	if (r < 0) {
		summary_source_done(&sum);
		return r;
	}
	if (sum.nr)
		qsort(sum.lines, sum.nr, sizeof(*sum.lines), by_line);
	*ret = sum;
	return 0;
}

void summary_source_done(struct source_sum *s)
{
	free(s->lines);
	*s = (struct source_sum){ 0 };
}
