// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "pprof/kind.h"
#include "pprof/reader.h"

static int add_id(struct reader *r, struct intern *ids, uint64_t id, const char *what)
{
	uint32_t at;
	int n = id ? intern_add(ids, &id, sizeof(id), &at) : 0;

	if (n < 0)
		return reader_fail(r, n, "does not fit into memory");
	return n ? 0
		 : reader_fail(r, -EBADMSG, "is damaged: %s id %llu is %s", what,
			       (unsigned long long)id, id ? "there twice" : "no id");
}

static int find_id(struct reader *r, const struct intern *ids, uint64_t id, const char *what,
		   uint32_t *ret)
{
	if (intern_find(ids, &id, sizeof(id), ret))
		return 0;
	return reader_fail(r, -EBADMSG, "is damaged: it has no %s %llu", what,
			   (unsigned long long)id);
}

/* As `perf` and its converters call it: "[kernel.kallsyms]", "/boot/vmlinux-6.1". */
static bool is_kernel_path(const char *path)
{
	const char *base = strrchr(path, '/');

	return !strncmp(path, "[kernel", 7) || !strncmp(path, "[guest.kernel", 13) ||
	       !strncmp(base ? base + 1 : path, "vmlinux", 7);
}

static int read_mapping(struct reader *r, size_t i)
{
	const Pprof__Mapping *from = r->m->mapping[i];
	struct mapping m = { .start = from->memory_start,
			     .limit = from->memory_limit,
			     .offset = from->file_offset };
	const char *path, *base;
	int error;

	if ((error = add_id(r, &r->mapping_ids, from->id, "mapping")) < 0 ||
	    (error = reader_text(r, from->filename, &path)) < 0 ||
	    (error = reader_string(r, from->filename, &m.path)) < 0 ||
	    (error = reader_string(r, from->build_id, &m.build_id)) < 0)
		return error;
	r->is_kernel[i] = !r->ours && is_kernel_path(path);
	if (!i && !r->ours) {
		/* By pprof's custom the first mapping is the program itself. */
		base = strrchr(path, '/');
		error = profile_string(r->p, base ? base + 1 : path, &r->main_name);
	}
	if (error < 0 || (error = profile_mapping(r->p, &m, &r->mappings[i])) < 0)
		return reader_fail(r, error, "does not fit into memory");
	return 0;
}

/* A file may say anything. */
static uint32_t line_of(int64_t line)
{
	return line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
}

static int read_function(struct reader *r, uint64_t id, struct frame *f)
{
	const Pprof__Function *function;
	const char *system_name;
	uint32_t at;
	int error;

	if (!id)
		return 0;
	error = find_id(r, &r->function_ids, id, "function", &at);
	if (error < 0)
		return error;
	function = r->m->function[at];
	if ((error = reader_string(r, function->name, &f->function)) < 0 ||
	    (error = reader_string(r, function->filename, &f->file)) < 0 ||
	    (error = reader_text(r, function->system_name, &system_name)) < 0)
		return error;
	f->first_line = line_of(function->start_line);
	if (r->ours && !kind_decode(system_name, &f->kind))
		f->function = 0;
	/* Some tools fill in only one of the two names. */
	if (!r->ours && !f->function)
		return reader_string(r, function->system_name, &f->function);
	return 0;
}

static int add_frame(struct reader *r, const struct frame *f)
{
	int error = array_reserve(r->frames, r->cap_frames, r->nr_frames + 1u);

	if (!error)
		error = profile_frame(r->p, f, &r->frames[r->nr_frames]);
	if (error < 0)
		return reader_fail(r, error, "does not fit into memory");
	r->nr_frames++;
	return 0;
}

static int read_location(struct reader *r, size_t i)
{
	const Pprof__Location *from = r->m->location[i];
	struct frame base = { .address = from->address, .kind = FRAME_NATIVE };
	bool kernel = false;
	uint32_t at;
	int error = add_id(r, &r->location_ids, from->id, "location");

	if (error < 0)
		return error;
	if (from->mapping_id) {
		error = find_id(r, &r->mapping_ids, from->mapping_id, "mapping", &at);
		if (error < 0)
			return error;
		base.mapping = r->mappings[at] + 1;
		kernel = r->is_kernel[at];
	}
	r->first_frame[i] = r->nr_frames;
	if (!from->n_line) {
		base.kind = kernel ? FRAME_KERNEL : FRAME_NATIVE;
		return add_frame(r, &base);
	}
	for (size_t k = 0; k < from->n_line; k++) {
		const Pprof__Line *line = from->line[k];
		bool last = k + 1 == from->n_line;
		struct frame f = base;

		f.kind = kernel ? FRAME_KERNEL : kind_implied(last);
		f.line = line_of(line->line);
		if ((error = read_function(r, line->function_id, &f)) < 0 ||
		    (error = add_frame(r, &f)) < 0)
			return error;
	}
	return 0;
}

int reader_locations(struct reader *r)
{
	int error = 0;

	r->mappings = calloc(r->m->n_mapping + 1, sizeof(*r->mappings));
	r->is_kernel = calloc(r->m->n_mapping + 1, sizeof(*r->is_kernel));
	r->first_frame = calloc(r->m->n_location + 1, sizeof(*r->first_frame));
	if (!r->mappings || !r->is_kernel || !r->first_frame)
		return reader_fail(r, -ENOMEM, "does not fit into memory");
	for (size_t i = 0; i < r->m->n_mapping && !error; i++)
		error = read_mapping(r, i);
	for (size_t i = 0; i < r->m->n_function && !error; i++)
		error = add_id(r, &r->function_ids, r->m->function[i]->id, "function");
	for (size_t i = 0; i < r->m->n_location && !error; i++)
		error = read_location(r, i);
	r->first_frame[r->m->n_location] = r->nr_frames;
	return error;
}
