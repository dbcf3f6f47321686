// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/hist.h"
#include "pprof/reader.h"

/*
 * What a small file may not blow up to: a location of many lines can stand in a stack
 * many times, and a histogram of 8 KiB belongs to each label set with buckets.
 */
enum {
	MAX_STACK_FRAMES = 1 << 16,
	MAX_WALKED_FRAMES = 1 << 28,
	MAX_BUCKET_LABEL_SETS = 1 << 14,
};
static const size_t max_memory = (size_t)1 << 30;

static int read_stack(struct reader *r, const Pprof__Sample *from, uint32_t *ret_stack)
{
	int error;

	r->nr_stack = 0;
	for (size_t i = 0; i < from->n_location_id; i++) {
		uint32_t at, nr;

		if (!intern_find(&r->location_ids, &from->location_id[i], sizeof(uint64_t), &at))
			return reader_fail(r, -EBADMSG, "is damaged: it has no location %" PRIu64,
					   from->location_id[i]);
		nr = r->first_frame[at + 1] - r->first_frame[at];
		r->nr_walked += nr;
		if (nr > MAX_STACK_FRAMES - r->nr_stack || r->nr_walked > MAX_WALKED_FRAMES)
			return reader_fail(r, -EFBIG, "has more frames than a profile can have");
		error = array_reserve(r->stack, r->cap_stack, r->nr_stack + nr);
		if (error < 0)
			return reader_fail(r, error, "does not fit into memory");
		memcpy(r->stack + r->nr_stack, r->frames + r->first_frame[at],
		       nr * sizeof(*r->stack));
		r->nr_stack += nr;
	}
	error = profile_stack(r->p, &(struct stack){ r->nr_stack, r->stack }, ret_stack);
	return error < 0 ? reader_fail(r, error, "does not fit into memory") : 0;
}

/* What the labels of one sample say. */
struct labels {
	struct label *set;
	uint32_t nr, cap;
	struct who who;
	struct sample *sample;
};

static uint32_t to_u32(int64_t v)
{
	return v >= 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

/* Labels with a meaning of their own; true: this was one. */
static bool read_known_number(struct reader *r, struct labels *l, const char *key, int64_t v)
{
	uint64_t value = v > 0 ? (uint64_t)v : 0;

	if (!strcmp(key, "pid"))
		l->who.pid = to_u32(v);
	else if (!strcmp(key, "tid"))
		l->who.tid = to_u32(v);
	else if (r->ours && !strcmp(key, "bucket"))
		l->sample->bucket = bucket_of(value);
	else if (r->ours && !strcmp(key, "min"))
		l->sample->min = value;
	else if (r->ours && !strcmp(key, "max"))
		l->sample->max = value;
	else
		return false;
	return true;
}

static bool read_known_text(struct labels *l, const char *key, uint32_t value)
{
	uint32_t *to = NULL;

	if (!strcmp(key, "comm"))
		to = &l->who.comm;
	else if (!strcmp(key, "container"))
		to = &l->who.container;
	else if (!strcmp(key, "cgroup"))
		to = &l->who.cgroup;
	if (!to || *to)
		return false;
	*to = value;
	return true;
}

static int read_number(struct reader *r, const Pprof__Label *from, uint32_t *ret_value)
{
	const char *unit;
	int error = reader_text(r, from->num_unit, &unit);

	if (error < 0)
		return error;
	strbuf_reset(&r->scratch);
	strbuf_addf(&r->scratch, "%" PRId64 "%s%s", from->num, *unit ? " " : "", unit);
	error = r->scratch.failed ? -ENOMEM
				  : profile_string(r->p, strbuf_str(&r->scratch), ret_value);
	return error < 0 ? reader_fail(r, error, "does not fit into memory") : 0;
}

static int read_label(struct reader *r, const Pprof__Label *from, struct labels *l)
{
	/* A label that is neither text nor number is an empty text. */
	bool is_text = from->str || (!from->num && !from->num_unit);
	struct label label;
	const char *key;
	int error = reader_text(r, from->key, &key);

	if (error < 0 || (error = reader_string(r, from->key, &label.name)) < 0)
		return error;
	if (!from->str && read_known_number(r, l, key, from->num))
		return 0;
	error = is_text ? reader_string(r, from->str, &label.value)
			: read_number(r, from, &label.value);
	if (error < 0)
		return error;
	if (is_text && read_known_text(l, key, label.value))
		return 0;
	if (array_reserve(l->set, l->cap, l->nr + 1u) < 0)
		return reader_fail(r, -ENOMEM, "does not fit into memory");
	l->set[l->nr++] = label;
	return 0;
}

static int read_labels(struct reader *r, const Pprof__Sample *from, struct labels *l,
		       struct sample *s)
{
	int error = 0;

	l->nr = 0;
	l->who = (struct who){ 0 };
	l->sample = s;
	for (size_t i = 0; i < from->n_label && !error; i++)
		error = read_label(r, from->label[i], l);
	if (error < 0)
		return error;
	if (!l->who.comm)
		l->who.comm = r->main_name;
	if (s->bucket == BUCKET_NONE)
		s->min = s->max = 0;
	if ((error = profile_who(r->p, &l->who, &s->who)) < 0 ||
	    (error = profile_labels(r->p, &(struct label_set){ l->nr, l->set }, &s->labels)) < 0)
		return reader_fail(r, error, "does not fit into memory");
	if (s->bucket != BUCKET_NONE && profile_nr_label_sets(r->p) > MAX_BUCKET_LABEL_SETS)
		return reader_fail(r, -EFBIG, "has more distributions than a profile can have");
	return 0;
}

/* A difference of two profiles has negative values: they have no place in a sum of samples. */
static bool read_values(const struct reader *r, const Pprof__Sample *from, struct sample *s)
{
	int64_t count = r->count_at == VALUE_NONE ? 1 : from->value[r->count_at];
	int64_t total = r->total_at == VALUE_NONE ? 0 : from->value[r->total_at];

	if (count < 0 || total < 0)
		return false;
	s->count = (uint64_t)count;
	if (__builtin_mul_overflow((uint64_t)total, r->scale, &s->total))
		s->total = UINT64_MAX;
	return true;
}

static int read_sample(struct reader *r, size_t i, struct labels *l)
{
	const Pprof__Sample *from = r->m->sample[i];
	struct sample s = { .bucket = BUCKET_NONE };
	int error;

	if (from->n_value != r->m->n_sample_type)
		return reader_fail(r, -EBADMSG, "is damaged: sample %zu has %zu values, not %zu", i,
				   from->n_value, r->m->n_sample_type);
	if (!read_values(r, from, &s)) {
		profile_info(r->p)->quality.n[QUALITY_LOST]++;
		return 0;
	}
	if ((error = read_stack(r, from, &s.stack)) < 0 ||
	    (error = read_labels(r, from, l, &s)) < 0)
		return error;
	error = profile_add(r->p, &s);
	if (!error && profile_memory(r->p) > max_memory)
		error = -ENOMEM;
	return error < 0 ? reader_fail(r, error, "does not fit into memory") : 0;
}

int reader_samples(struct reader *r)
{
	struct labels l = { 0 };
	int error = 0;

	for (size_t i = 0; i < r->m->n_sample && !error; i++)
		error = read_sample(r, i, &l);
	free(l.set);
	return error;
}
