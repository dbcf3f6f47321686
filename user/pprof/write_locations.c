// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "pprof/kind.h"
#include "pprof/writer.h"

struct function_key {
	int64_t name, system_name, file, first_line;
};

/* How many frames from `frames[0]` on are one location. */
static uint32_t group_size(const struct profile *p, const uint32_t *frames, uint32_t nr)
{
	const struct frame *first = profile_frame_at(p, frames[0]);

	for (uint32_t i = 0; i < nr; i++) {
		const struct frame *f = profile_frame_at(p, frames[i]);

		if (f->address != first->address || f->mapping != first->mapping)
			return i;
		if (f->kind != FRAME_INLINED)
			return i + 1;
	}
	return nr;
}

/* The place that holds the id of a location: 0 until it has one. */
static uint32_t *find_id(struct writer *w, const uint32_t *frames, uint32_t nr)
{
	uint32_t group;
	int r;

	if (nr == 1)
		return &w->of_frame[frames[0]];
	r = intern_add(&w->groups, frames, nr * sizeof(*frames), &group);
	if (r < 0 || array_reserve(w->of_group, w->cap_groups, group + 1u) < 0)
		return NULL;
	if (r)
		w->of_group[group] = 0;
	return &w->of_group[group];
}

static int add_location(struct writer *w, const uint32_t *frames, uint32_t nr)
{
	uint32_t *id = find_id(w, frames, nr);

	if (!id || array_reserve(w->ids, w->cap_ids, w->nr_ids + 1u) < 0)
		return -ENOMEM;
	if (!*id) {
		if (array_reserve(w->locations, w->cap_locations, w->nr_locations + 1u) < 0)
			return -ENOMEM;
		w->locations[w->nr_locations++] = (struct location){ frames, nr };
		*id = w->nr_locations;
	}
	w->ids[w->nr_ids++] = *id;
	return 0;
}

void writer_find_locations(struct writer *w)
{
	for (uint32_t i = 0; i < profile_nr_stacks(w->p) && !w->error; i++) {
		struct stack s = profile_stack_at(w->p, i);

		w->of_stack[i].first = w->nr_ids;
		for (uint32_t k = 0; k < s.nr && !w->error;) {
			uint32_t nr = group_size(w->p, s.frames + k, s.nr - k);

			writer_fail(w, add_location(w, s.frames + k, nr));
			k += nr;
		}
		w->of_stack[i].nr = w->nr_ids - w->of_stack[i].first;
	}
}

static void put_function(struct writer *w, const struct function_key *key, uint32_t id)
{
	Pprof__Function function = PPROF__FUNCTION__INIT, *functions[] = { &function };
	Pprof__Profile part = PPROF__PROFILE__INIT;

	function.id = id + 1u;
	function.name = key->name;
	function.system_name = key->system_name;
	function.filename = key->file;
	function.start_line = key->first_line;
	part.n_function = 1;
	part.function = functions;
	writer_emit(w, &part);
}

static uint64_t function_id(struct writer *w, uint32_t frame, bool last_line)
{
	const struct frame *f = profile_frame_at(w->p, frame);
	struct function_key key = { .name = f->function,
				    .file = f->file,
				    .first_line = f->first_line };
	uint32_t id;
	int r;

	strbuf_reset(&w->scratch);
	kind_encode(w->p, f, last_line, &w->scratch);
	key.system_name = writer_text(w, strbuf_str(&w->scratch));
	if (!f->function) {
		strbuf_reset(&w->scratch);
		profile_frame_name(w->p, frame, &w->scratch);
		key.name = writer_text(w, strbuf_str(&w->scratch));
	}
	r = intern_add(&w->functions, &key, sizeof(key), &id);
	if (r > 0)
		put_function(w, &key, id);
	writer_fail(w, r);
	return r < 0 ? 0 : id + 1u;
}

/* Is there nothing to say of a frame but its address? */
static bool is_bare(const struct frame *f)
{
	return f->kind == FRAME_NATIVE && !f->function && !f->file && !f->line && !f->first_line;
}

static void put_location(struct writer *w, uint32_t i)
{
	const struct location *l = &w->locations[i];
	const struct frame *f = profile_frame_at(w->p, l->frames[0]);
	Pprof__Location location = PPROF__LOCATION__INIT, *locations[] = { &location };
	Pprof__Profile part = PPROF__PROFILE__INIT;
	_cleanup_free_ Pprof__Line *lines = calloc(l->nr, sizeof(*lines));
	_cleanup_free_ Pprof__Line **pointers = calloc(l->nr, sizeof(*pointers));

	if (!lines || !pointers) {
		writer_fail(w, -ENOMEM);
		return;
	}
	for (uint32_t k = 0; k < l->nr; k++) {
		pprof__line__init(&lines[k]);
		lines[k].function_id = function_id(w, l->frames[k], k + 1 == l->nr);
		lines[k].line = profile_frame_at(w->p, l->frames[k])->line;
		pointers[k] = &lines[k];
	}
	location.id = i + 1u;
	location.mapping_id = f->mapping;
	location.address = f->address;
	location.n_line = l->nr;
	location.line = pointers;
	part.n_location = 1;
	part.location = locations;
	writer_emit(w, &part);
}

static void put_bare_location(struct writer *w, uint32_t i)
{
	const struct frame *f = profile_frame_at(w->p, w->locations[i].frames[0]);
	Pprof__Location location = PPROF__LOCATION__INIT, *locations[] = { &location };
	Pprof__Profile part = PPROF__PROFILE__INIT;

	location.id = i + 1u;
	location.mapping_id = f->mapping;
	location.address = f->address;
	part.n_location = 1;
	part.location = locations;
	writer_emit(w, &part);
}

static void put_mapping(struct writer *w, uint32_t i, const Pprof__Mapping *has)
{
	const struct mapping *m = profile_mapping_at(w->p, i);
	Pprof__Mapping mapping = *has, *mappings[] = { &mapping };
	Pprof__Profile part = PPROF__PROFILE__INIT;

	mapping.id = i + 1u;
	mapping.memory_start = m->start;
	mapping.memory_limit = m->limit;
	mapping.file_offset = m->offset;
	mapping.filename = m->path;
	mapping.build_id = m->build_id;
	part.n_mapping = 1;
	part.mapping = mappings;
	writer_emit(w, &part);
}

static void put_mappings(struct writer *w)
{
	uint32_t nr = profile_nr_mappings(w->p);
	_cleanup_free_ Pprof__Mapping *has = calloc(nr + 1u, sizeof(*has));

	if (!has) {
		writer_fail(w, -ENOMEM);
		return;
	}
	for (uint32_t i = 0; i < nr; i++)
		pprof__mapping__init(&has[i]);
	for (uint32_t i = 0; i < profile_nr_frames(w->p); i++) {
		const struct frame *f = profile_frame_at(w->p, i);

		if (!f->mapping)
			continue;
		has[f->mapping - 1].has_functions |= f->function != 0;
		has[f->mapping - 1].has_filenames |= f->file != 0;
		has[f->mapping - 1].has_line_numbers |= f->line != 0;
		has[f->mapping - 1].has_inline_frames |= f->kind == FRAME_INLINED;
	}
	for (uint32_t i = 0; i < nr; i++)
		put_mapping(w, i, &has[i]);
}

void writer_put_locations(struct writer *w)
{
	put_mappings(w);
	for (uint32_t i = 0; i < w->nr_locations && !w->error; i++) {
		const struct location *l = &w->locations[i];

		if (l->nr == 1 && is_bare(profile_frame_at(w->p, l->frames[0])))
			put_bare_location(w, i);
		else
			put_location(w, i);
	}
}
