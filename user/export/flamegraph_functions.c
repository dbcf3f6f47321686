// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/flamegraph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"

/* What makes two frames the same function. */
struct key {
	uint32_t kind, name; /* strings of the profile; names of threads are their comm */
	uint32_t place;	     /* the file of an interpreter's frame, else the module; threads: pid */
	uint32_t tid, line, pad;
	uint64_t address; /* of a frame without a name */
};

struct build {
	struct flame *f;
	const struct profile *p;
	struct intern keys;
	struct strbuf names;
	size_t *name_at; /* in names.buf */
	uint32_t cap, cap_names;
};

/* A function that is new under its key gets `name`, which is not yet clean. */
static int add_function(struct build *b, const struct flame_function *fn, const char *name)
{
	struct flame *f = b->f;
	uint32_t id = f->nr_functions, hash = 2166136261u;

	if (array_reserve(f->functions, b->cap, id + 1u) < 0 ||
	    array_reserve(b->name_at, b->cap_names, id + 1u) < 0)
		return -ENOMEM;
	b->name_at[id] = b->names.len;
	strbuf_add_escaped(&b->names, name);
	strbuf_addch(&b->names, '\0');
	if (b->names.failed)
		return -ENOMEM;
	/* FNV-1a: the same name has the same shade in every profile. */
	for (const char *s = b->names.buf + b->name_at[id]; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	f->functions[id] = *fn;
	f->functions[id].shade = (hash ^ hash >> 16) % FLAME_SHADES;
	f->nr_functions++;
	return 0;
}

static int thread_function(struct build *b, uint32_t who_id, bool per_thread, uint32_t *ret_id)
{
	_cleanup_(strbuf_done) struct strbuf name = STRBUF_INIT;
	const struct who *w = profile_who_at(b->p, who_id);
	struct key key = { .kind = FLAME_THREAD, .name = w->comm };
	int r;

	if (per_thread) {
		key.place = w->pid;
		key.tid = w->tid;
	}
	r = intern_add(&b->keys, &key, sizeof(key), ret_id);
	if (r <= 0)
		return r;
	strbuf_adds(&name, profile_string_at(b->p, w->comm));
	if (per_thread)
		strbuf_addf(&name, "-%u/%u", w->pid, w->tid);
	return add_function(b, &(struct flame_function){ .kind = FLAME_THREAD }, strbuf_str(&name));
}

static void widen_lines(struct flame_function *fn, const struct frame *frame)
{
	if (!fn->file) {
		fn->file = frame->file;
		fn->line = fn->last = frame->line;
	} else if (fn->file == frame->file && frame->line) {
		fn->line = !fn->line || frame->line < fn->line ? frame->line : fn->line;
		fn->last = frame->line > fn->last ? frame->line : fn->last;
	}
}

/*
 * Line tables give one native function several files (generated code, headers
 * of tables), which must not split it. But __init__ of two Python files, or of
 * two classes in one, is two functions, which only their place tells apart.
 */
static int frame_function(struct build *b, uint32_t frame_id, uint32_t *ret_id)
{
	_cleanup_(strbuf_done) struct strbuf name = STRBUF_INIT;
	const struct frame *frame = profile_frame_at(b->p, frame_id);
	const bool by_file = frame->kind == FRAME_INTERPRETER && frame->file;
	uint32_t module = frame->mapping ? profile_mapping_at(b->p, frame->mapping - 1)->path : 0;
	struct key key = { .kind = frame->kind,
			   .name = frame->function,
			   .place = by_file ? frame->file : module,
			   .line = profile_frame_line(b->p, frame),
			   .address = frame->function ? 0 : frame->address };
	int r = intern_add(&b->keys, &key, sizeof(key), ret_id);

	if (r < 0)
		return r;
	if (r) {
		profile_frame_name(b->p, frame_id, &name);
		r = add_function(b,
				 &(struct flame_function){ .kind = frame->kind, .module = module },
				 strbuf_str(&name));
		if (r < 0 || name.failed)
			return -ENOMEM;
	}
	widen_lines(&b->f->functions[*ret_id], frame);
	return 0;
}

static int see_samples(struct build *b, const struct export_settings *settings,
		       struct flame_ids *ids)
{
	for (uint32_t i = 0; i < profile_nr_samples(b->p); i++) {
		const struct sample *s = profile_sample_at(b->p, i);
		const struct stack stack = profile_stack_at(b->p, s->stack);
		int r = 0;

		if (!profile_value(b->p, s, 0))
			continue;
		if (ids->who[s->who] == FLAME_NONE)
			r = thread_function(b, s->who, settings->per_thread, &ids->who[s->who]);
		for (uint32_t j = 0; j < stack.nr && r >= 0; j++)
			if (ids->frame[stack.frames[j]] == FLAME_NONE)
				r = frame_function(b, stack.frames[j],
						   &ids->frame[stack.frames[j]]);
		if (r < 0)
			return r;
	}
	return 0;
}

struct by_name {
	struct flame_function function;
	uint32_t id;
};

static int compare_names(const void *a, const void *b)
{
	const struct by_name *x = a, *y = b;
	const bool x_root = x->function.kind == FLAME_ROOT, y_root = y->function.kind == FLAME_ROOT;
	int r;

	if (x_root != y_root)
		return x_root ? -1 : 1;
	r = strcmp(x->function.name, y->function.name);
	if (!r)
		r = (x->function.kind > y->function.kind) - (x->function.kind < y->function.kind);
	return r ? r : (x->id > y->id) - (x->id < y->id);
}

static void renumber(uint32_t *ids, uint32_t nr, const uint32_t *rank)
{
	for (uint32_t i = 0; i < nr; i++)
		if (ids[i] != FLAME_NONE)
			ids[i] = rank[ids[i]];
}

/* Ids in the order of names: then sorting by name, here and in the page, compares numbers. */
static int sort_functions(struct build *b, struct flame_ids *ids)
{
	const uint32_t nr = b->f->nr_functions;
	_cleanup_free_ struct by_name *order = calloc(nr, sizeof(*order));
	_cleanup_free_ uint32_t *rank = calloc(nr, sizeof(*rank));

	if (!order || !rank)
		return -ENOMEM;
	b->f->names = b->names;
	b->names = (struct strbuf)STRBUF_INIT;
	for (uint32_t i = 0; i < nr; i++) {
		b->f->functions[i].name = b->f->names.buf + b->name_at[i];
		order[i] = (struct by_name){ b->f->functions[i], i };
	}
	qsort(order, nr, sizeof(*order), compare_names);
	for (uint32_t i = 0; i < nr; i++) {
		b->f->functions[i] = order[i].function;
		rank[order[i].id] = i;
	}
	renumber(ids->frame, profile_nr_frames(b->p), rank);
	renumber(ids->who, profile_nr_whos(b->p), rank);
	return 0;
}

static uint32_t *new_ids(uint32_t nr)
{
	uint32_t *ids = malloc((nr + 1u) * sizeof(*ids));

	for (uint32_t i = 0; ids && i < nr; i++)
		ids[i] = FLAME_NONE;
	return ids;
}

void flame_ids_done(struct flame_ids *ids)
{
	free(ids->frame);
	free(ids->who);
}

int flame_functions(struct flame *f, const struct export_settings *settings, struct flame_ids *ids)
{
	struct build b = { .f = f, .p = f->profile };
	const struct key root = { .kind = FLAME_ROOT };
	uint32_t id;
	int r = -ENOMEM;

	ids->frame = new_ids(profile_nr_frames(b.p));
	ids->who = new_ids(profile_nr_whos(b.p));
	if (ids->frame && ids->who && intern_add(&b.keys, &root, sizeof(root), &id) >= 0)
		r = add_function(&b, &(struct flame_function){ .kind = FLAME_ROOT }, "all");
	if (r >= 0)
		r = see_samples(&b, settings, ids);
	if (r >= 0)
		r = sort_functions(&b, ids);
	intern_done(&b.keys);
	strbuf_done(&b.names);
	free(b.name_at);
	return r;
}
