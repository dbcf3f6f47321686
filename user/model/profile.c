// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/profile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"

struct sample_key {
	uint32_t stack, who, labels, bucket;
};

struct profile {
	struct profile_info info;
	struct intern strings, mappings, frames, stacks, whos, labels, keys;
	struct sample *samples; /* by the id of its key */
	uint32_t cap_samples;
	struct process_times times;
	bool split_lines;
};

static int copy_info(struct profile *p, const struct profile_info *info)
{
	const char **text[] = { &p->info.mode,		 &p->info.values[0].name,
				&p->info.values[0].unit, &p->info.values[1].name,
				&p->info.values[1].unit, &p->info.host,
				&p->info.command,	 &p->info.watched };

	p->info = *info;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		uint32_t id;
		int r = profile_string(p, *text[i] ? *text[i] : "", &id);

		if (r < 0)
			return r;
		*text[i] = profile_string_at(p, id);
	}
	return 0;
}

int profile_new(struct profile **ret, const struct profile_info *info)
{
	_cleanup_(profile_freep) struct profile *p = calloc(1, sizeof(*p));
	uint32_t id;

	if (!p || profile_string(p, "", &id) < 0 ||
	    profile_stack(p, &(struct stack){ 0 }, &id) < 0 ||
	    profile_labels(p, &(struct label_set){ 0 }, &id) < 0 || copy_info(p, info) < 0)
		return -ENOMEM;
	*ret = p;
	p = NULL;
	return 0;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	intern_done(&p->strings);
	intern_done(&p->mappings);
	intern_done(&p->frames);
	intern_done(&p->stacks);
	intern_done(&p->whos);
	intern_done(&p->labels);
	intern_done(&p->keys);
	process_times_done(&p->times);
	free(p->samples);
	free(p);
}

/* intern_add() tells new from known; callers here want only the id. */
static int add(struct intern *t, const void *bytes, size_t size, uint32_t *ret_id)
{
	int r = intern_add(t, bytes, size, ret_id);

	return r < 0 ? r : 0;
}

int profile_string(struct profile *p, const char *s, uint32_t *ret_id)
{
	return add(&p->strings, s, strlen(s), ret_id);
}

int profile_string_n(struct profile *p, const char *s, size_t size, uint32_t *ret_id)
{
	/* A string ends at its first NUL, whatever a file claims its length to be. */
	return add(&p->strings, s, strnlen(s, size), ret_id);
}

int profile_mapping(struct profile *p, const struct mapping *m, uint32_t *ret_id)
{
	return add(&p->mappings, m, sizeof(*m), ret_id);
}

int profile_frame(struct profile *p, const struct frame *f, uint32_t *ret_id)
{
	struct frame key;

	/* Frames are compared as bytes: those between the members must be the same, too. */
	memset(&key, 0, sizeof(key));
	key.address = f->address;
	key.mapping = f->mapping;
	key.function = f->function;
	key.file = f->file;
	key.line = f->line;
	key.first_line = f->first_line;
	key.kind = f->kind;
	return add(&p->frames, &key, sizeof(key), ret_id);
}

int profile_stack(struct profile *p, const struct stack *s, uint32_t *ret_id)
{
	return add(&p->stacks, s->frames, s->nr * sizeof(*s->frames), ret_id);
}

int profile_who(struct profile *p, const struct who *w, uint32_t *ret_id)
{
	return add(&p->whos, w, sizeof(*w), ret_id);
}

int profile_labels(struct profile *p, const struct label_set *l, uint32_t *ret_id)
{
	return add(&p->labels, l->labels, l->nr * sizeof(*l->labels), ret_id);
}

static void sum_sample(struct sample *into, const struct sample *s)
{
	bool first = !into->count && !into->total;

	if (first || s->min < into->min)
		into->min = s->min;
	if (first || s->max > into->max)
		into->max = s->max;
	into->count += s->count;
	into->total += s->total;
}

int profile_add(struct profile *p, const struct sample *s)
{
	struct sample_key key = { s->stack, s->who, s->labels, s->bucket };
	uint32_t id;
	int r;

	if (!s->count && !s->total)
		return 0;
	if (array_reserve(p->samples, p->cap_samples, p->keys.count + 1u) < 0)
		return -ENOMEM;
	r = intern_add(&p->keys, &key, sizeof(key), &id);
	if (r < 0)
		return r;
	if (r)
		p->samples[id] = (struct sample){
			.stack = s->stack, .who = s->who, .labels = s->labels, .bucket = s->bucket
		};
	sum_sample(&p->samples[id], s);
	return 0;
}

int profile_add_time(struct profile *p, const struct process_time *time)
{
	return process_times_add(&p->times, time);
}

const struct process_times *profile_times(const struct profile *p)
{
	return &p->times;
}

struct profile_info *profile_info(struct profile *p)
{
	return &p->info;
}

const struct profile_info *profile_facts(const struct profile *p)
{
	return &p->info;
}

const char *profile_string_at(const struct profile *p, uint32_t id)
{
	return intern_bytes(&p->strings, id);
}

const struct mapping *profile_mapping_at(const struct profile *p, uint32_t id)
{
	return intern_bytes(&p->mappings, id);
}

const struct frame *profile_frame_at(const struct profile *p, uint32_t id)
{
	return intern_bytes(&p->frames, id);
}

struct stack profile_stack_at(const struct profile *p, uint32_t id)
{
	return (struct stack){ .nr = (uint32_t)(intern_size(&p->stacks, id) / sizeof(uint32_t)),
			       .frames = intern_bytes(&p->stacks, id) };
}

const struct who *profile_who_at(const struct profile *p, uint32_t id)
{
	return intern_bytes(&p->whos, id);
}

struct label_set profile_labels_at(const struct profile *p, uint32_t id)
{
	return (struct label_set){ .nr = (uint32_t)(intern_size(&p->labels, id) /
						    sizeof(struct label)),
				   .labels = intern_bytes(&p->labels, id) };
}

const struct sample *profile_sample_at(const struct profile *p, uint32_t id)
{
	assert(id < p->keys.count);
	return &p->samples[id];
}

uint32_t profile_nr_strings(const struct profile *p)
{
	return p->strings.count;
}

uint32_t profile_nr_mappings(const struct profile *p)
{
	return p->mappings.count;
}

uint32_t profile_nr_frames(const struct profile *p)
{
	return p->frames.count;
}

uint32_t profile_nr_stacks(const struct profile *p)
{
	return p->stacks.count;
}

uint32_t profile_nr_whos(const struct profile *p)
{
	return p->whos.count;
}

uint32_t profile_nr_label_sets(const struct profile *p)
{
	return p->labels.count;
}

uint32_t profile_nr_samples(const struct profile *p)
{
	return p->keys.count;
}

size_t profile_memory(const struct profile *p)
{
	return sizeof(*p) + p->strings.memory + p->mappings.memory + p->frames.memory +
	       p->stacks.memory + p->whos.memory + p->labels.memory + p->keys.memory +
	       process_times_memory(&p->times) + p->cap_samples * sizeof(*p->samples);
}

uint64_t profile_value(const struct profile *p, const struct sample *s, unsigned i)
{
	assert(i < 2);
	return strcmp(p->info.values[i].unit, "count") ? s->total : s->count;
}

bool profile_has_distribution(const struct profile *p)
{
	for (uint32_t i = 0; i < p->keys.count; i++)
		if (p->samples[i].bucket != BUCKET_NONE)
			return true;
	return false;
}

void profile_split_lines(struct profile *p, bool split)
{
	p->split_lines = split;
}

uint32_t profile_frame_line(const struct profile *p, const struct frame *f)
{
	if (f->kind != FRAME_INTERPRETER)
		return 0;
	return p->split_lines ? f->line : f->first_line;
}

static void interpreted_name(const struct profile *p, const struct frame *f, struct strbuf *out)
{
	uint32_t line = profile_frame_line(p, f);

	strbuf_adds(out, f->function ? profile_string_at(p, f->function) : "[interpreted]");
	if (!f->file)
		return;
	strbuf_addf(out, " (%s", profile_string_at(p, f->file));
	if (line)
		strbuf_addf(out, ":%u", line);
	strbuf_addch(out, ')');
}

void profile_frame_name(const struct profile *p, uint32_t frame, struct strbuf *out)
{
	const struct frame *f = profile_frame_at(p, frame);
	const char *path, *base;

	if (f->kind == FRAME_INTERPRETER) {
		interpreted_name(p, f, out);
		return;
	}
	if (f->function) {
		strbuf_adds(out, profile_string_at(p, f->function));
		return;
	}
	path = f->mapping ? profile_string_at(p, profile_mapping_at(p, f->mapping - 1)->path)
			  : "unknown";
	base = strrchr(path, '/');
	base = base && base[1] ? base + 1 : path;
	if (base[0] == '[') {
		size_t len = strlen(base);

		/* "[vdso]" already has its brackets. */
		strbuf_add(out, base, base[len - 1] == ']' ? len - 1 : len);
	} else {
		strbuf_addf(out, "[%s", base);
	}
	strbuf_addf(out, "+0x%llx]", (unsigned long long)f->address);
}

const char *frame_kind_name(enum frame_kind kind)
{
	static const char *const names[FRAME_KINDS] = {
		[FRAME_KERNEL] = "kernel",	     [FRAME_NATIVE] = "native",
		[FRAME_INLINED] = "inlined",	     [FRAME_JIT] = "jit",
		[FRAME_INTERPRETER] = "interpreter", [FRAME_MARK] = "mark",
	};

	return names[kind];
}
