// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static const char *const suffixes[FRAME_KINDS] = {
	[FRAME_KERNEL] = "_[k]",
	[FRAME_INLINED] = "_[i]",
	[FRAME_JIT] = "_[j]",
};

struct name_key {
	uint32_t text, file, line; /* text: id in lines.texts; file: string of the profile */
};

struct builder {
	struct lines *out;
	const struct profile *p;
	const struct lines_settings *settings;
	struct intern names;	     /* struct name_key → name */
	uint32_t *of_who, *of_frame; /* → name + 1; 0: not yet */
	uint32_t *stack, cap_stack;
	uint32_t cap_lines;
	struct strbuf raw, text;
};

static int add_name(struct builder *b, uint32_t file, uint32_t line, uint32_t *ret)
{
	struct name_key key = { .file = file, .line = line };
	int r;

	if (b->raw.failed || b->text.failed)
		return -ENOMEM;
	r = intern_add(&b->out->texts, strbuf_str(&b->text), b->text.len, &key.text);
	if (r < 0)
		return r;
	r = intern_add(&b->names, &key, sizeof(key), ret);
	if (r < 0)
		return r;
	*ret += 1;
	return 0;
}

static int name_frame(struct builder *b, uint32_t id)
{
	const struct frame *f = profile_frame_at(b->p, id);

	strbuf_reset(&b->raw);
	strbuf_reset(&b->text);
	profile_frame_name(b->p, id, &b->raw);
	b->settings->escape(&b->text, strbuf_str(&b->raw));
	if (suffixes[f->kind])
		strbuf_adds(&b->text, suffixes[f->kind]);
	if (!b->settings->files)
		return add_name(b, 0, 0, &b->of_frame[id]);
	return add_name(b, f->file, profile_frame_line(b->p, f), &b->of_frame[id]);
}

static int name_who(struct builder *b, uint32_t id)
{
	const struct who *w = profile_who_at(b->p, id);
	const char *comm = profile_string_at(b->p, w->comm);

	strbuf_reset(&b->raw);
	strbuf_reset(&b->text);
	strbuf_adds(&b->raw, *comm ? comm : "[unknown]");
	if (b->settings->per_thread)
		strbuf_addf(&b->raw, "-%u/%u", w->pid, w->tid);
	b->settings->escape(&b->text, strbuf_str(&b->raw));
	return add_name(b, 0, 0, &b->of_who[id]);
}

static int add_sample(struct builder *b, const struct sample *s)
{
	struct stack stack = profile_stack_at(b->p, s->stack);
	struct lines *l = b->out;
	uint32_t nr = 0, id;
	int r;

	if (array_reserve(b->stack, b->cap_stack, stack.nr + 1u) < 0)
		return -ENOMEM;
	if (!b->of_who[s->who] && (r = name_who(b, s->who)) < 0)
		return r;
	b->stack[nr++] = b->of_who[s->who] - 1;
	for (uint32_t i = stack.nr; i-- > 0;) {
		uint32_t frame = stack.frames[i];

		if (!b->of_frame[frame] && (r = name_frame(b, frame)) < 0)
			return r;
		b->stack[nr++] = b->of_frame[frame] - 1;
	}
	r = intern_add(&l->ids, b->stack, nr * sizeof(*b->stack), &id);
	if (r < 0 || array_reserve(l->lines, b->cap_lines, id + 1u) < 0)
		return -ENOMEM;
	if (r)
		l->lines[l->nr_lines++] = (struct line){ .nr = nr };
	l->lines[id].value += profile_value(b->p, s, 0);
	return 0;
}

struct ranked {
	struct line_name name;
	uint32_t id;
};

static int by_name(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int r = strcmp(x->name.text, y->name.text);

	if (!r)
		r = strcmp(x->name.file, y->name.file);
	return r ? r : (x->name.line > y->name.line) - (x->name.line < y->name.line);
}

static int by_names(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	for (uint32_t i = 0; i < x->nr && i < y->nr; i++)
		if (x->names[i] != y->names[i])
			return x->names[i] < y->names[i] ? -1 : 1;
	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

/* Names get their rank as number, so that lines are compared without their text. */
static int sort(struct builder *b)
{
	struct lines *l = b->out;
	_cleanup_free_ struct ranked *ranked = calloc(b->names.count + 1u, sizeof(*ranked));
	_cleanup_free_ uint32_t *rank = calloc(b->names.count + 1u, sizeof(*rank));

	l->names = calloc(b->names.count + 1u, sizeof(*l->names));
	if (!ranked || !rank || !l->names)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->names.count; i++) {
		const struct name_key *key = intern_bytes(&b->names, i);

		ranked[i].name.text = intern_bytes(&l->texts, key->text);
		ranked[i].name.file = profile_string_at(b->p, key->file);
		ranked[i].name.line = key->line;
		ranked[i].id = i;
	}
	qsort(ranked, b->names.count, sizeof(*ranked), by_name);
	for (uint32_t i = 0; i < b->names.count; i++) {
		rank[ranked[i].id] = i;
		l->names[i] = ranked[i].name;
	}
	l->nr_names = b->names.count;
	for (uint32_t i = 0; i < l->nr_lines; i++) {
		/* The table of ids has done its work; nothing is looked up in it any more. */
		uint32_t *names = (uint32_t *)(uintptr_t)intern_bytes(&l->ids, i);

		for (uint32_t k = 0; k < l->lines[i].nr; k++)
			names[k] = rank[names[k]];
		l->lines[i].names = names;
	}
	if (l->nr_lines)
		qsort(l->lines, l->nr_lines, sizeof(*l->lines), by_names);
	return 0;
}

int lines_init(struct lines *l, const struct profile *p, const struct lines_settings *settings)
{
	struct builder b = { .out = l, .p = p, .settings = settings };
	int r = 0;

	*l = (struct lines){ 0 };
	b.of_who = calloc(profile_nr_whos(p) + 1u, sizeof(*b.of_who));
	b.of_frame = calloc(profile_nr_frames(p) + 1u, sizeof(*b.of_frame));
	if (!b.of_who || !b.of_frame)
		r = -ENOMEM;
	for (uint32_t i = 0; i < profile_nr_samples(p) && !r; i++)
		r = add_sample(&b, profile_sample_at(p, i));
	if (!r)
		r = sort(&b);
	intern_done(&b.names);
	strbuf_done(&b.raw);
	strbuf_done(&b.text);
	free(b.of_who);
	free(b.of_frame);
	free(b.stack);
	if (r < 0)
		lines_done(l);
	return r;
}

void lines_done(struct lines *l)
{
	free(l->names);
	free(l->lines);
	intern_done(&l->texts);
	intern_done(&l->ids);
	*l = (struct lines){ 0 };
}
