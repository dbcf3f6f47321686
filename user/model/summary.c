// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"

/* What makes two frames the same function; one without a name is told by its address. */
struct function_key {
	uint64_t address;
	uint32_t function, mapping, kind, file, line, pad;
};

struct functions {
	const struct profile *p;
	struct intern keys;
	uint32_t *of_frame; /* frame → function */
	uint32_t *seen;	    /* function → the last stack that counted it, plus 1 */
	uint64_t (*of_stack)[2];
	struct function_sum *sums;
	uint32_t cap;
};

static int find_functions(struct functions *f)
{
	for (uint32_t i = 0; i < profile_nr_frames(f->p); i++) {
		const struct frame *frame = profile_frame_at(f->p, i);
		struct function_key key = { .address = frame->function ? 0 : frame->address,
					    .function = frame->function,
					    .mapping = frame->mapping,
					    .kind = frame->kind,
					    .line = profile_frame_line(f->p, frame) };
		uint32_t id;
		int r;

		if (frame->kind == FRAME_INTERPRETER)
			key.file = frame->file;
		r = intern_add(&f->keys, &key, sizeof(key), &id);
		if (r < 0 || array_reserve(f->sums, f->cap, id + 1u) < 0)
			return -ENOMEM;
		if (r)
			f->sums[id] = (struct function_sum){ .frame = i };
		f->of_frame[i] = id;
	}
	return 0;
}

static void sum_stack(struct functions *f, uint32_t id)
{
	struct stack s = profile_stack_at(f->p, id);
	const uint64_t *value = f->of_stack[id];

	if (!s.nr || (!value[0] && !value[1]))
		return;
	for (unsigned k = 0; k < 2; k++)
		f->sums[f->of_frame[s.frames[0]]].self[k] += value[k];
	for (uint32_t i = 0; i < s.nr; i++) {
		uint32_t function = f->of_frame[s.frames[i]];

		if (f->seen[function] == id + 1)
			continue;
		f->seen[function] = id + 1;
		for (unsigned k = 0; k < 2; k++)
			f->sums[function].total[k] += value[k];
	}
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The order of names: those that have one first, then by module and address. */
static int compare_names(const struct profile *p, uint32_t a, uint32_t b)
{
	const struct frame *x = profile_frame_at(p, a), *y = profile_frame_at(p, b);
	const char *path[2] = { "", "" };
	int r = !x->function - !y->function;

	if (!r)
		r = strcmp(profile_string_at(p, x->function), profile_string_at(p, y->function));
	if (r)
		return r;
	if (x->mapping)
		path[0] = profile_string_at(p, profile_mapping_at(p, x->mapping - 1)->path);
	if (y->mapping)
		path[1] = profile_string_at(p, profile_mapping_at(p, y->mapping - 1)->path);
	if ((r = strcmp(path[0], path[1])) || (r = compare_u64(x->address, y->address)) ||
	    (r = (int)x->kind - (int)y->kind) ||
	    (r = strcmp(profile_string_at(p, x->file), profile_string_at(p, y->file))) ||
	    (r = compare_u64(profile_frame_line(p, x), profile_frame_line(p, y))))
		return r;
	return a < b ? -1 : a > b;
}

static int by_self(const void *a, const void *b, void *p)
{
	const struct function_sum *x = a, *y = b;
	int r = compare_u64(y->self[0], x->self[0]);

	if (!r)
		r = compare_u64(y->total[0], x->total[0]);
	return r ? r : compare_names(p, x->frame, y->frame);
}

int summary_functions(const struct profile *p, struct function_sum **ret)
{
	struct functions f = { .p = p };
	uint32_t nr_frames = profile_nr_frames(p), nr_stacks = profile_nr_stacks(p);
	int r = -ENOMEM, nr = 0;

	f.of_frame = calloc(nr_frames + 1u, sizeof(*f.of_frame));
	f.seen = calloc(nr_frames + 1u, sizeof(*f.seen));
	f.of_stack = calloc(nr_stacks + 1u, sizeof(*f.of_stack));
	if (!f.of_frame || !f.seen || !f.of_stack || array_reserve(f.sums, f.cap, 1u) < 0 ||
	    find_functions(&f) < 0)
		goto done;
	for (uint32_t i = 0; i < profile_nr_samples(p); i++) {
		const struct sample *s = profile_sample_at(p, i);

		for (unsigned k = 0; k < 2; k++)
			f.of_stack[s->stack][k] += profile_value(p, s, k);
	}
	for (uint32_t i = 0; i < nr_stacks; i++)
		sum_stack(&f, i);
	/* A function of which no sample is left takes no row. */
	for (uint32_t i = 0; i < f.keys.count; i++)
		if (f.sums[i].total[0] || f.sums[i].total[1])
			f.sums[nr++] = f.sums[i];
	qsort_r(f.sums, (size_t)nr, sizeof(*f.sums), by_self, (void *)(uintptr_t)p);
	*ret = f.sums;
	f.sums = NULL;
	r = nr;
done:
	free(f.of_frame);
	free(f.seen);
	free(f.of_stack);
	free(f.sums);
	intern_done(&f.keys);
	return r;
}

static int by_value(const void *a, const void *b, void *profile)
{
	const struct process_sum *x = a, *y = b;
	const struct who *v, *w;
	int r = compare_u64(y->value[0], x->value[0]);

	if (r)
		return r;
	v = profile_who_at(profile, x->who);
	w = profile_who_at(profile, y->who);
	r = compare_u64(v->pid, w->pid);
	return r ? r
		 : strcmp(profile_string_at(profile, v->comm), profile_string_at(profile, w->comm));
}

int summary_processes(const struct profile *p, struct process_sum **ret)
{
	uint32_t nr_whos = profile_nr_whos(p), nr = 0;
	_cleanup_free_ uint32_t *row_of = calloc(nr_whos + 1u, sizeof(*row_of));
	_cleanup_free_ struct process_sum *rows = calloc(nr_whos + 1u, sizeof(*rows));
	struct intern keys = INTERN_INIT;

	if (!row_of || !rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr_whos; i++) {
		const struct who *w = profile_who_at(p, i);
		uint32_t key[2] = { w->pid, w->comm };
		int r = intern_add(&keys, key, sizeof(key), &row_of[i]);

		if (r < 0) {
			intern_done(&keys);
			return r;
		}
		if (r)
			rows[row_of[i]].who = i;
	}
	for (uint32_t i = 0; i < profile_nr_samples(p); i++) {
		const struct sample *s = profile_sample_at(p, i);

		for (unsigned k = 0; k < 2; k++)
			rows[row_of[s->who]].value[k] += profile_value(p, s, k);
	}
	for (uint32_t i = 0; i < keys.count; i++)
		if (rows[i].value[0] || rows[i].value[1])
			rows[nr++] = rows[i];
	intern_done(&keys);
	qsort_r(rows, nr, sizeof(*rows), by_value, (void *)(uintptr_t)p);
	*ret = rows;
	rows = NULL;
	return (int)nr;
}
