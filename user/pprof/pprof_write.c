// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hist.h"
#include "base/utf8.h"
#include "pprof/pprof.h"
#include "pprof/writer.h"

enum { FLUSH_SIZE = 64 << 10 };

void writer_fail(struct writer *w, int error)
{
	if (error < 0 && !w->error)
		w->error = error;
}

static void flush(struct writer *w, bool last)
{
	if (!w->error)
		writer_fail(w, gzip_out_add(&w->gzip, w->packed.buf, w->packed.len, last));
	strbuf_reset(&w->packed);
}

void writer_emit(struct writer *w, const Pprof__Profile *part)
{
	size_t size = pprof__profile__get_packed_size(part);

	if (w->error)
		return;
	strbuf_reserve(&w->packed, size);
	if (w->packed.failed) {
		writer_fail(w, -ENOMEM);
		return;
	}
	pprof__profile__pack(part, (uint8_t *)w->packed.buf + w->packed.len);
	w->packed.len += size;
	if (w->packed.len >= FLUSH_SIZE)
		flush(w, false);
}

int64_t writer_text(struct writer *w, const char *s)
{
	uint32_t id = 0;

	if (!*s)
		return 0;
	writer_fail(w, intern_add(&w->texts, s, strlen(s), &id));
	return (int64_t)profile_nr_strings(w->p) + id;
}

static void put_comment(struct writer *w, const char *text)
{
	Pprof__Profile part = PPROF__PROFILE__INIT;
	int64_t comment = writer_text(w, text);

	part.n_comment = 1;
	part.comment = &comment;
	writer_emit(w, &part);
}

static void put_comments(struct writer *w)
{
	const struct profile_info *info = profile_facts(w->p);
	const char *const words[][2] = { { "mode", info->mode },
					 { "host", info->host },
					 { "command", info->command },
					 { "watched", info->watched } };
	struct strbuf *text = &w->scratch;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!words[i][1][0])
			continue;
		strbuf_reset(text);
		strbuf_addf(text, "bpfprof %s=%s", words[i][0], words[i][1]);
		put_comment(w, strbuf_str(text));
	}
	strbuf_reset(text);
	strbuf_adds(text, "bpfprof quality");
	for (unsigned i = 0; i < QUALITY_COUNT; i++)
		if (info->quality.n[i])
			strbuf_addf(text, " %s=%" PRIu64, quality_types[i].name,
				    info->quality.n[i]);
	writer_fail(w, text->failed ? -ENOMEM : 0);
	put_comment(w, strbuf_str(text));
}

/* How long processes were measured, and their CPU time where it is known. */
static void put_times(struct writer *w)
{
	const struct process_times *times = profile_times(w->p);
	struct strbuf *text = &w->scratch;

	for (uint32_t i = 0; i < times->pids.count && !w->error; i++) {
		const struct process_time *t = &times->all[i];

		strbuf_reset(text);
		strbuf_addf(text, "bpfprof process pid=%" PRIu32 " wall_ns=%" PRIu64, t->pid,
			    t->wall_ns);
		if (t->cpu_ns != TIME_UNKNOWN)
			strbuf_addf(text, " cpu_ns=%" PRIu64, t->cpu_ns);
		if (t->began)
			strbuf_adds(text, " began=1");
		writer_fail(w, text->failed ? -ENOMEM : 0);
		put_comment(w, strbuf_str(text));
	}
}

static unsigned nr_values(const struct profile_info *info)
{
	return info->values[1].name[0] ? 2 : 1;
}

static void put_facts(struct writer *w)
{
	const struct profile_info *info = profile_facts(w->p);
	Pprof__ValueType types[2] = { PPROF__VALUE_TYPE__INIT, PPROF__VALUE_TYPE__INIT };
	Pprof__ValueType *pointers[] = { &types[0], &types[1] };
	Pprof__Profile part = PPROF__PROFILE__INIT;

	part.n_sample_type = nr_values(info);
	part.sample_type = pointers;
	for (unsigned i = 0; i < part.n_sample_type; i++) {
		types[i].type = writer_text(w, info->values[i].name);
		types[i].unit = writer_text(w, info->values[i].unit);
		if (info->period && strcmp(info->values[i].unit, "count"))
			part.period_type = &types[i];
	}
	part.default_sample_type = types[0].type;
	part.period = (int64_t)info->period;
	part.time_nanos = info->time_ns;
	part.duration_nanos = (int64_t)info->duration_ns;
	writer_emit(w, &part);
}

/* A value as the format's signed number; the few that do not fit would turn negative. */
static int64_t to_i64(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

enum { MAX_LABELS = 8 }; /* besides those of the label set */

struct labels {
	Pprof__Label *all;
	size_t nr;
};

static void add_label(struct labels *l, int64_t key, int64_t text, uint64_t number, int64_t unit)
{
	Pprof__Label *label = &l->all[l->nr++];

	pprof__label__init(label);
	label->key = key;
	label->str = text;
	label->num = to_i64(number);
	label->num_unit = unit;
}

static void add_labels(struct writer *w, const struct sample *s, struct labels *l)
{
	const struct who *who = profile_who_at(w->p, s->who);
	struct label_set set = profile_labels_at(w->p, s->labels);
	const struct profile_info *info = profile_facts(w->p);
	int64_t unit;

	add_label(l, writer_text(w, "pid"), 0, who->pid, 0);
	add_label(l, writer_text(w, "tid"), 0, who->tid, 0);
	add_label(l, writer_text(w, "comm"), who->comm, 0, 0);
	if (who->container)
		add_label(l, writer_text(w, "container"), who->container, 0, 0);
	if (who->cgroup)
		add_label(l, writer_text(w, "cgroup"), who->cgroup, 0, 0);
	for (uint32_t i = 0; i < set.nr; i++)
		add_label(l, set.labels[i].name, set.labels[i].value, 0, 0);
	if (s->bucket == BUCKET_NONE)
		return;
	unit = writer_text(w, info->values[!strcmp(info->values[0].unit, "count")].unit);
	add_label(l, writer_text(w, "bucket"), 0, hist_bucket_from(s->bucket), unit);
	add_label(l, writer_text(w, "min"), 0, s->min, unit);
	add_label(l, writer_text(w, "max"), 0, s->max, unit);
}

static void put_sample(struct writer *w, const struct sample *s, struct labels *l)
{
	const struct location_list *locations = &w->of_stack[s->stack];
	Pprof__Sample sample = PPROF__SAMPLE__INIT, *samples[] = { &sample };
	Pprof__Profile part = PPROF__PROFILE__INIT;
	int64_t values[2] = { to_i64(profile_value(w->p, s, 0)),
			      to_i64(profile_value(w->p, s, 1)) };

	l->nr = 0;
	add_labels(w, s, l);
	sample.n_location_id = locations->nr;
	sample.location_id = w->ids + locations->first;
	sample.n_value = nr_values(profile_facts(w->p));
	sample.value = values;
	part.n_sample = 1;
	part.sample = samples;
	sample.n_label = l->nr;
	sample.label = calloc(l->nr, sizeof(*sample.label));
	if (!sample.label) {
		writer_fail(w, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < l->nr; i++)
		sample.label[i] = &l->all[i];
	writer_emit(w, &part);
	free(sample.label);
}

static void put_samples(struct writer *w)
{
	struct labels l = { 0 };
	uint32_t most = 0;

	for (uint32_t i = 0; i < profile_nr_label_sets(w->p); i++) {
		struct label_set set = profile_labels_at(w->p, i);

		most = set.nr > most ? set.nr : most;
	}
	l.all = calloc(most + MAX_LABELS, sizeof(*l.all));
	if (!l.all)
		writer_fail(w, -ENOMEM);
	for (uint32_t i = 0; i < profile_nr_samples(w->p) && !w->error; i++)
		put_sample(w, profile_sample_at(w->p, i), &l);
	free(l.all);
}

static void put_string(struct writer *w, const char *s)
{
	Pprof__Profile part = PPROF__PROFILE__INIT;
	char *text;

	/* Readers of other tools refuse a whole file over one byte that is no UTF-8. */
	if (!utf8_valid(s, strlen(s))) {
		strbuf_reset(&w->scratch);
		strbuf_add_utf8(&w->scratch, s);
		if (w->scratch.failed)
			writer_fail(w, -ENOMEM);
		s = strbuf_str(&w->scratch);
	}
	text = (char *)(uintptr_t)s;
	part.n_string_table = 1;
	part.string_table = &text;
	writer_emit(w, &part);
}

static void put_strings(struct writer *w)
{
	for (uint32_t i = 0; i < profile_nr_strings(w->p); i++)
		put_string(w, profile_string_at(w->p, i));
	for (uint32_t i = 0; i < w->texts.count; i++)
		put_string(w, intern_bytes(&w->texts, i));
}

static void done(struct writer *w)
{
	gzip_out_done(&w->gzip);
	strbuf_done(&w->packed);
	strbuf_done(&w->scratch);
	intern_done(&w->texts);
	intern_done(&w->groups);
	intern_done(&w->functions);
	free(w->of_group);
	free(w->of_frame);
	free(w->locations);
	free(w->of_stack);
	free(w->ids);
}

int pprof_write(const struct profile *p, FILE *out)
{
	struct writer w = { .p = p };

	writer_fail(&w, gzip_out_init(&w.gzip, out));
	w.of_frame = calloc(profile_nr_frames(p) + 1u, sizeof(*w.of_frame));
	w.of_stack = calloc(profile_nr_stacks(p) + 1u, sizeof(*w.of_stack));
	if (!w.of_frame || !w.of_stack)
		writer_fail(&w, -ENOMEM);
	put_facts(&w);
	put_comments(&w);
	put_times(&w);
	if (!w.error)
		writer_find_locations(&w);
	put_samples(&w);
	if (!w.error)
		writer_put_locations(&w);
	put_strings(&w);
	flush(&w, true);
	done(&w);
	return w.error;
}
