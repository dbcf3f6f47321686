// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The report as one JSON object: docs call it "JSON report". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/json.h"
#include "export/exporter.h"
#include "model/label.h"
#include "model/summary.h"

static const struct {
	const char *name;
	double fraction;
} percentiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 } };

/* What a member in the unit of the values ends with: "total_ns". */
static const char *unit_suffix(const struct profile *p)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!strcmp(profile_facts(p)->values[i].unit, "nanoseconds"))
			return "_ns";
		if (!strcmp(profile_facts(p)->values[i].unit, "bytes"))
			return "_bytes";
	}
	return "";
}

static void put_u64(struct json *j, const char *name, const char *suffix, uint64_t value)
{
	char key[32];

	snprintf(key, sizeof(key), "%s%s", name, suffix);
	json_u64(j, key, value);
}

static void write_hist(struct json *j, const char *suffix, const struct hist *h)
{
	put_u64(j, "min", suffix, h->min);
	put_u64(j, "max", suffix, h->max);
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		put_u64(j, percentiles[i].name, suffix,
			hist_percentile(h, percentiles[i].fraction));
	json_array(j, "buckets");
	for (unsigned i = 0; i < BUCKET_COUNT; i++) {
		if (!h->counts[i])
			continue;
		json_array(j, NULL);
		json_u64(j, NULL, hist_bucket_from(i));
		json_u64(j, NULL, hist_bucket_to(i));
		json_u64(j, NULL, h->counts[i]);
		json_end(j);
	}
	json_end(j);
}

static void write_labels(struct json *j, const struct profile *p, const struct label_set *set)
{
	for (uint32_t i = 0; i < set->nr; i++)
		json_string(j, profile_string_at(p, set->labels[i].name),
			    profile_string_at(p, set->labels[i].value));
}

static int write_distributions(struct json *j, const struct profile *p)
{
	const char *suffix = unit_suffix(p);
	struct label_sum *rows = NULL;
	/* All labels tell rows apart: nothing is added to the profile. */
	int nr = summary_labels((struct profile *)(uintptr_t)p, NULL, &rows);

	for (int i = 0; i < nr; i++) {
		struct label_set set = profile_labels_at(p, rows[i].labels);

		json_object(j, NULL);
		json_object(j, "labels");
		write_labels(j, p, &set);
		json_end(j);
		json_u64(j, "count", rows[i].count);
		if (*suffix)
			put_u64(j, "total", suffix, rows[i].total);
		if (rows[i].hist)
			write_hist(j, suffix, rows[i].hist);
		json_end(j);
	}
	if (nr >= 0)
		summary_labels_free(rows, nr);
	return nr;
}

static void write_who(struct json *j, const struct profile *p, const struct pause_process *process)
{
	const struct who *w = profile_who_at(p, process->who);

	json_u64(j, "pid", w->pid);
	json_string(j, "comm", profile_string_at(p, w->comm));
	if (w->container)
		json_string(j, "container", profile_string_at(p, w->container));
	if (w->cgroup)
		json_string(j, "cgroup", profile_string_at(p, w->cgroup));
}

static void write_pause(struct json *j, const struct profile *p, const struct pauses *pauses,
			const struct pause_sum *sum, struct hist *hist)
{
	const struct pause_process *process = &pauses->processes[sum->process];
	const struct process_time *time = summary_pauses_time(p, process);
	const char *suffix = unit_suffix(p);

	json_object(j, NULL);
	json_object(j, "labels");
	write_who(j, p, process);
	write_labels(j, p, &sum->labels);
	json_end(j);
	json_u64(j, "count", sum->count);
	put_u64(j, "total", suffix, sum->total);
	if (time && time->wall_ns)
		json_share(j, "wall_share", (double)sum->total / (double)time->wall_ns);
	/* In pauses that together are longer it waited for a CPU: their share isn't known. */
	if (time && time->cpu_ns && time->cpu_ns != TIME_UNKNOWN && process->total <= time->cpu_ns)
		json_share(j, "cpu_share", (double)sum->total / (double)time->cpu_ns);
	if (summary_pauses_hist(p, pauses, sum, hist))
		write_hist(j, suffix, hist);
	json_end(j);
}

static int write_pauses(struct json *j, const struct profile *p)
{
	_cleanup_free_ struct hist *hist = malloc(sizeof(*hist));
	struct pauses pauses;
	int r = hist ? summary_pauses(p, NULL, &pauses) : -ENOMEM;

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < pauses.nr_sums; i++)
		write_pause(j, p, &pauses, &pauses.sums[i], hist);
	summary_pauses_done(&pauses);
	return 0;
}

static void write_function(struct json *j, const struct profile *p, const struct function_sum *sum,
			   struct strbuf *name)
{
	const struct frame *f = profile_frame_at(p, sum->frame);
	unsigned other = strcmp(profile_facts(p)->values[0].unit, "count") ? 0 : 1;
	const char *suffix = unit_suffix(p);

	strbuf_reset(name);
	profile_frame_name(p, sum->frame, name);
	json_object(j, NULL);
	json_object(j, "labels");
	json_string(j, "function", strbuf_str(name));
	json_string(j, "kind", frame_kind_name(f->kind));
	if (f->mapping)
		json_string(j, "module",
			    profile_string_at(p, profile_mapping_at(p, f->mapping - 1)->path));
	if (f->file)
		json_string(j, "file", profile_string_at(p, f->file));
	json_end(j);
	if (profile_frame_line(p, f))
		json_u64(j, "line", profile_frame_line(p, f));
	json_u64(j, "self", sum->self[0]);
	json_u64(j, "total", sum->total[0]);
	if (*suffix) {
		put_u64(j, "self", suffix, sum->self[other]);
		put_u64(j, "total", suffix, sum->total[other]);
	}
	json_end(j);
}

static int write_functions(struct json *j, const struct profile *p)
{
	_cleanup_free_ struct function_sum *sums = NULL;
	struct strbuf name = STRBUF_INIT;
	int nr = summary_functions(p, &sums);

	for (int i = 0; i < nr; i++)
		write_function(j, p, &sums[i], &name);
	strbuf_done(&name);
	return nr;
}

/* Only where there are some. */
static int write_tasks(struct json *j, const struct profile *p)
{
	_cleanup_free_ struct task_sum *sums = NULL;
	int nr = summary_tasks(p, &sums);

	if (nr <= 0)
		return nr;
	json_array(j, "tasks");
	for (int i = 0; i < nr; i++) {
		json_object(j, NULL);
		json_object(j, "labels");
		json_string(j, LABEL_TASK, profile_string_at(p, sums[i].task));
		json_end(j);
		json_u64(j, "count", sums[i].count);
		put_u64(j, "total", unit_suffix(p), sums[i].total);
		json_end(j);
	}
	json_end(j);
	return nr;
}

static void write_facts(struct json *j, const struct profile *p)
{
	const struct profile_info *info = profile_facts(p);

	json_string(j, "mode", info->mode);
	if (*info->host)
		json_string(j, "host", info->host);
	if (*info->command)
		json_string(j, "command", info->command);
	json_i64(j, "time_ns", info->time_ns);
	json_u64(j, "duration_ns", info->duration_ns);
	if (*info->watched && !profile_nr_samples(p))
		json_string(j, "watched", info->watched);
	json_array(j, "values");
	for (unsigned i = 0; i < 2; i++) {
		if (!*info->values[i].name)
			continue;
		json_object(j, NULL);
		json_string(j, "name", info->values[i].name);
		json_string(j, "unit", info->values[i].unit);
		json_end(j);
	}
	json_end(j);
	json_object(j, "quality");
	for (unsigned i = 0; i < QUALITY_COUNT; i++)
		json_u64(j, quality_types[i].name, info->quality.n[i]);
	json_end(j);
}

/* Samples that name their function by a label: their stacks only say who called it. */
static bool names_functions(const struct profile *p)
{
	for (uint32_t i = 0; i < profile_nr_label_sets(p); i++) {
		struct label_set set = profile_labels_at(p, i);

		for (uint32_t k = 0; k < set.nr; k++)
			if (!strcmp(profile_string_at(p, set.labels[k].name), "function"))
				return true;
	}
	return false;
}

static void write_cost(struct json *j, const struct call_cost *c, const char *suffix)
{
	json_u64(j, "count", c->calls);
	json_u64(j, "primitive", c->primitive);
	put_u64(j, "self", suffix, c->self);
	put_u64(j, "total", suffix, c->total);
}

static void write_name(struct json *j, const struct profile *p, uint32_t frame, struct strbuf *name)
{
	strbuf_reset(name);
	profile_frame_name(p, frame, name);
	json_string(j, "function", strbuf_str(name));
}

static void write_call(struct json *j, const struct profile *p, const struct called *called,
		       const struct called_function *function, struct strbuf *name)
{
	const struct frame *f = profile_frame_at(p, function->frame);
	const char *suffix = unit_suffix(p);

	json_object(j, NULL);
	json_object(j, "labels");
	write_name(j, p, function->frame, name);
	if (f->file)
		json_string(j, "file", profile_string_at(p, f->file));
	json_end(j);
	if (profile_frame_line(p, f))
		json_u64(j, "line", profile_frame_line(p, f));
	write_cost(j, &function->cost, suffix);
	json_array(j, "callers");
	for (uint32_t i = 0; i < function->nr; i++) {
		const struct called_from *from = &called->callers[function->first + i];

		json_object(j, NULL);
		write_name(j, p, from->frame, name);
		write_cost(j, &from->cost, suffix);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static int write_calls(struct json *j, const struct profile *p)
{
	struct strbuf name = STRBUF_INIT;
	struct called called;
	int r = summary_calls(p, &called);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < called.nr_functions; i++)
		write_call(j, p, &called, &called.functions[i], &name);
	summary_calls_done(&called);
	strbuf_done(&name);
	return 0;
}

static int write_rows(struct json *j, const struct profile *p)
{
	if (summary_has_calls(p) && !names_functions(p))
		return write_calls(j, p);
	if (summary_has_pauses(p))
		return write_pauses(j, p);
	return profile_has_distribution(p) || names_functions(p) ? write_distributions(j, p)
								 : write_functions(j, p);
}

static int write_json(const struct profile *p, const struct export_settings *settings, FILE *out)
{
	struct json j;
	int r;

	(void)settings;
	json_init(&j, out);
	json_object(&j, NULL);
	write_facts(&j, p);
	json_array(&j, "rows");
	r = write_rows(&j, p);
	json_end(&j);
	if (r >= 0)
		r = write_tasks(&j, p);
	json_end(&j);
	return r < 0 ? r : 0;
}

const struct exporter exporter_json = {
	.name = "json",
	.summary = "the report as one JSON object",
	.suffix = ".json",
	.tells_sums = true,
	.write = write_json,
};
