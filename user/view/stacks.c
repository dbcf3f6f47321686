// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view/stacks.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"
#include "base/utf8.h"
#include "view/text.h"

enum { INDENT = 6, LEAST_FRAMES = 4 };

struct stack_key {
	uint32_t stack, pid, comm;
};

struct stack_sum {
	uint32_t stack, who;
	uint64_t value, count;
};

static int by_value(const void *a, const void *b)
{
	const struct stack_sum *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	/* Ids are given in the order of first sight: the same profile, the same report. */
	if (x->stack != y->stack)
		return x->stack > y->stack ? 1 : -1;
	return (x->who > y->who) - (x->who < y->who);
}

static int sum_stacks(const struct profile *p, struct intern *keys, struct stack_sum **ret)
{
	struct stack_sum *rows = NULL;
	size_t cap = 0;

	for (uint32_t i = 0; i < profile_nr_samples(p); i++) {
		const struct sample *s = profile_sample_at(p, i);
		const struct who *w = profile_who_at(p, s->who);
		struct stack_key key = { s->stack, w->pid, w->comm };
		uint32_t id;
		int r = intern_add(keys, &key, sizeof(key), &id);

		if (r < 0 || array_reserve(rows, cap, keys->count) < 0) {
			free(rows);
			return -ENOMEM;
		}
		if (r)
			rows[id] = (struct stack_sum){ .stack = s->stack, .who = s->who };
		rows[id].value += profile_value(p, s, text_weight(p));
		rows[id].count += s->count;
	}
	*ret = rows;
	return 0;
}

static void add_line(struct strbuf *lines, struct strbuf *line, size_t width)
{
	for (int i = 0; i < INDENT; i++)
		strbuf_addch(lines, ' ');
	text_cut(lines, strbuf_str(line), width);
	strbuf_addch(lines, '\n');
	lines->failed |= line->failed;
	strbuf_reset(line);
}

/*
 * Frames `from` to `to`, leaf first, on one line: what doesn't fit is an ellipsis. Of long names a
 * few are shown all the same, on more lines.
 */
static void add_frames(struct strbuf *lines, const struct profile *p, const struct stack *s,
		       uint32_t from, uint32_t to, size_t width)
{
	struct strbuf line = STRBUF_INIT, name = STRBUF_INIT;

	for (uint32_t i = from; i < to; i++) {
		size_t used = utf8_width(strbuf_str(&line), line.len), needed;

		strbuf_reset(&name);
		strbuf_adds(&name, i > from ? " \u2190 " : "");
		text_frame(&name, p, s->frames[i]);
		needed = utf8_width(strbuf_str(&name), name.len) + (i + 1 < to ? 4 : 0);
		if (i > from && used + needed > width && i - from < LEAST_FRAMES) {
			add_line(lines, &line, width);
		} else if (i > from && used + needed > width) {
			strbuf_adds(&line, used + 4 <= width ? " \u2190 \u2026" : "\u2026");
			break;
		}
		strbuf_add(&line, strbuf_str(&name), name.len);
	}
	add_line(lines, &line, width);
	lines->failed |= name.failed;
	strbuf_done(&line);
	strbuf_done(&name);
}

/* Interpreted, or compiled at run time and named. */
static bool is_of_runtime(const struct frame *f)
{
	return f->kind == FRAME_INTERPRETER || (f->kind == FRAME_JIT && f->function);
}

/*
 * The kernel's part on one line, the program's on another; from the innermost call of what a
 * runtime runs on a third, for what it does on its own would leave no room for it.
 */
static void add_stack(struct strbuf *lines, const struct profile *p, uint32_t id, unsigned width)
{
	struct stack s = profile_stack_at(p, id);
	uint32_t nr_kernel = 0, nr_native;

	while (nr_kernel < s.nr && profile_frame_at(p, s.frames[nr_kernel])->kind == FRAME_KERNEL)
		nr_kernel++;
	nr_native = nr_kernel;
	while (nr_native < s.nr && !is_of_runtime(profile_frame_at(p, s.frames[nr_native])))
		nr_native++;
	if (nr_kernel)
		add_frames(lines, p, &s, 0, nr_kernel, width - INDENT);
	if (nr_native > nr_kernel)
		add_frames(lines, p, &s, nr_kernel, nr_native, width - INDENT);
	if (nr_native < s.nr)
		add_frames(lines, p, &s, nr_native, s.nr, width - INDENT);
}

static void add_one(struct strbuf *lines, const struct profile *p, const struct stack_sum *row,
		    uint64_t whole, const struct view_settings *settings)
{
	const struct value_type *type = &profile_facts(p)->values[text_weight(p)];
	struct strbuf text = STRBUF_INIT, value = STRBUF_INIT;

	text_percent(&value, row->value, whole);
	text_right(&text, strbuf_str(&value), 9);
	strbuf_reset(&value);
	text_value(&value, type->unit, row->value);
	text_right(&text, strbuf_str(&value), 10);
	strbuf_reset(&value);
	text_value(&value, "count", row->count);
	strbuf_adds(&value, " times");
	text_right(&text, strbuf_str(&value), 16);
	strbuf_adds(&text, "  ");
	text_process(&text, p, row->who);
	text_cut(lines, strbuf_str(&text), settings->width);
	strbuf_addch(lines, '\n');
	lines->failed |= text.failed || value.failed;
	strbuf_done(&text);
	strbuf_done(&value);
	add_stack(lines, p, row->stack, settings->width);
}

int stacks_write(const struct profile *p, const struct view_settings *settings, unsigned max,
		 struct strbuf *lines)
{
	struct intern keys = INTERN_INIT;
	_cleanup_free_ struct stack_sum *rows = NULL;
	int r = sum_stacks(p, &keys, &rows);
	uint64_t whole = text_sum(p).value[text_weight(p)];
	bool any = profile_nr_frames(p) > 0;
	uint32_t nr = keys.count;

	intern_done(&keys);
	if (r < 0 || !nr)
		return r;
	qsort(rows, nr, sizeof(*rows), by_value);
	/* Where no stacks were taken, those who would have had them are left. */
	strbuf_adds(lines, any ? "\n  heaviest stacks by " : "\n  heaviest processes by ");
	strbuf_add_escaped(lines, profile_facts(p)->values[text_weight(p)].name);
	strbuf_adds(lines, any ? ", leaf first\n" : "\n");
	for (uint32_t i = 0; i < nr && i < max; i++)
		add_one(lines, p, &rows[i], whole, settings);
	return 0;
}
