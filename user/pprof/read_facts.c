// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "pprof/reader.h"

/* Units of time that other tools count in. */
static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{ "nanoseconds", 1 },	     { "ns", 1 },
	{ "microseconds", 1000 },    { "us", 1000 },
	{ "milliseconds", 1000000 }, { "ms", 1000000 },
	{ "seconds", 1000000000 },   { "s", 1000000000 },
};

/* What follows "bpfprof WORD", or NULL. */
static const char *after(const char *comment, const char *word)
{
	static const char mark[] = "bpfprof ";

	if (strncmp(comment, mark, sizeof(mark) - 1))
		return NULL;
	comment += sizeof(mark) - 1;
	return strncmp(comment, word, strlen(word)) ? NULL : comment + strlen(word);
}

static void read_quality(const char *words, struct quality *q)
{
	for (; *words; words += strcspn(words, " ")) {
		words += strspn(words, " ");
		for (unsigned i = 0; i < QUALITY_COUNT; i++) {
			size_t len = strlen(quality_types[i].name);

			if (!strncmp(words, quality_types[i].name, len) && words[len] == '=')
				q->n[i] = strtoull(words + len + 1, NULL, 10);
		}
	}
}

static int read_time(struct reader *r, const char *words)
{
	struct process_time time = { .cpu_ns = TIME_UNKNOWN };

	for (; *words; words += strcspn(words, " ")) {
		words += strspn(words, " ");
		if (!strncmp(words, "pid=", 4))
			time.pid = (uint32_t)strtoul(words + 4, NULL, 10);
		else if (!strncmp(words, "wall_ns=", 8))
			time.wall_ns = strtoull(words + 8, NULL, 10);
		else if (!strncmp(words, "cpu_ns=", 7))
			time.cpu_ns = strtoull(words + 7, NULL, 10);
		else if (!strncmp(words, "began=", 6))
			time.began = words[6] == '1';
	}
	return profile_add_time(r->p, &time) < 0
		       ? reader_fail(r, -ENOMEM, "does not fit into memory")
		       : 0;
}

/* These need the profile. */
static int read_times(struct reader *r)
{
	for (size_t i = 0; i < r->m->n_comment; i++) {
		const char *text, *value;
		int error = reader_text(r, r->m->comment[i], &text);

		if (!error && (value = after(text, "process ")))
			error = read_time(r, value);
		if (error < 0)
			return error;
	}
	return 0;
}

static int read_comments(struct reader *r, struct profile_info *info)
{
	for (size_t i = 0; i < r->m->n_comment; i++) {
		const char *text, *value;
		int error = reader_text(r, r->m->comment[i], &text);

		if (error < 0)
			return error;
		if ((value = after(text, "mode=")))
			info->mode = value;
		else if ((value = after(text, "host=")))
			info->host = value;
		else if ((value = after(text, "command=")))
			info->command = value;
		else if ((value = after(text, "watched=")))
			info->watched = value;
		else if ((value = after(text, "quality ")))
			read_quality(value, &info->quality);
	}
	r->ours = info->mode && info->mode[0];
	return 0;
}

static int read_type(struct reader *r, unsigned i, struct value_type *ret)
{
	const Pprof__ValueType *type = r->m->sample_type[i];
	int error = reader_text(r, type->type, &ret->name);

	return error < 0 ? error : reader_text(r, type->unit, &ret->unit);
}

/* The value that is shown first: the default, else by pprof's custom the last. */
static int find_default(struct reader *r, unsigned *ret)
{
	unsigned at = (unsigned)r->m->n_sample_type - 1;
	struct value_type type;
	const char *name;
	int error = reader_text(r, r->m->default_sample_type, &name);

	if (error < 0)
		return error;
	for (unsigned i = 0; *name && i < r->m->n_sample_type; i++) {
		error = read_type(r, i, &type);
		if (error < 0)
			return error;
		if (!strcmp(type.name, name)) {
			at = i;
			break;
		}
	}
	*ret = at;
	return 0;
}

/*
 * The value that goes with it: a count with a sum or a sum with a count, the nearest
 * before it if there is one (inuse_objects, inuse_space), else the first behind.
 */
static int find_partner(struct reader *r, unsigned first, bool is_count, unsigned *ret)
{
	*ret = VALUE_NONE;
	for (unsigned i = 0; i < r->m->n_sample_type; i++) {
		struct value_type type;
		int error = read_type(r, i, &type);

		if (error < 0)
			return error;
		if (!strcmp(type.unit, "count") == is_count)
			continue;
		if (i < first || *ret == VALUE_NONE)
			*ret = i;
	}
	return 0;
}

static void set_scale(struct reader *r, struct value_type *type)
{
	r->scale = 1;
	for (size_t i = 0; i < ARRAY_SIZE(time_units); i++)
		if (!strcmp(type->unit, time_units[i].name)) {
			r->scale = time_units[i].ns;
			type->unit = "nanoseconds";
		}
}

static int read_values(struct reader *r, struct profile_info *info)
{
	unsigned first, partner;
	bool is_count;
	int error = find_default(r, &first);

	if (error < 0 || (error = read_type(r, first, &info->values[0])) < 0)
		return error;
	is_count = !strcmp(info->values[0].unit, "count");
	error = find_partner(r, first, is_count, &partner);
	if (!error && partner != VALUE_NONE)
		error = read_type(r, partner, &info->values[1]);
	if (error < 0)
		return error;
	r->count_at = is_count ? first : partner;
	r->total_at = is_count ? partner : first;
	r->scale = 1;
	if (r->total_at != VALUE_NONE)
		set_scale(r, &info->values[is_count]);
	/* Without a count, each record of the file is one; ours have no such column then. */
	if (r->count_at == VALUE_NONE && !r->ours)
		info->values[1] = (struct value_type){ "records", "count" };
	return 0;
}

int reader_facts(struct reader *r)
{
	struct profile_info info = { 0 };
	int error;

	if (!r->m->n_sample_type || !r->m->n_string_table)
		return reader_fail(r, -EBADMSG, "is no pprof profile");
	if (r->m->string_table[0][0])
		return reader_fail(r, -EBADMSG, "is damaged: its first string is not empty");
	if ((error = read_comments(r, &info)) < 0 || (error = read_values(r, &info)) < 0)
		return error;
	if (!r->ours)
		info.mode = info.values[0].name;
	info.time_ns = r->m->time_nanos > 0 ? r->m->time_nanos : 0;
	info.duration_ns = r->m->duration_nanos > 0 ? (uint64_t)r->m->duration_nanos : 0;
	info.period = r->m->period > 0 ? (uint64_t)r->m->period : 0;
	error = profile_new(&r->p, &info);
	return error < 0 ? reader_fail(r, error, "does not fit into memory") : read_times(r);
}
