// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A saved profile, shown or written in any format, without root. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "cmd/annotate.h"
#include "cmd/cmd.h"
#include "cmd/frames.h"
#include "cmd/output.h"
#include "cmd/terminal.h"
#include "model/summary.h"
#include "pprof/pprof.h"

struct report {
	struct view_settings view;
	struct output output;
	struct frames frames;
	struct annotation annotation;
	const char *view_name; /* NULL: the mode's own */
	const char *path;
};

static int set_view(void *ctx, const char *value, struct strbuf *error)
{
	struct report *r = ctx;
	struct nearest near;

	if (view_find(value)) {
		r->view_name = value;
		return 0;
	}
	nearest_init(&near, value, strlen(value));
	strbuf_addf(error, "unknown view '%s'; known are", value);
	for (const struct view *const *v = views; *v; v++) {
		nearest_try(&near, (*v)->name);
		strbuf_addf(error, " %s", (*v)->name);
	}
	if (near.best)
		strbuf_addf(error, " (did you mean %s?)", near.best);
	return -EINVAL;
}

static int set_rows(void *ctx, const char *value, struct strbuf *error)
{
	enum { MAX_ROWS = 1000000 };
	uint64_t rows;

	if (parse_u64(value, &rows) < 0 || !rows || rows > MAX_ROWS) {
		strbuf_addf(error, "--rows takes a number from 1 to %d, not '%s'", MAX_ROWS, value);
		return -EINVAL;
	}
	((struct report *)ctx)->view.rows = (unsigned)rows;
	return 0;
}

static int set_latency(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct report *)ctx)->view.full = true;
	return 0;
}

static int set_by(void *ctx, const char *value, struct strbuf *error)
{
	(void)error;
	((struct report *)ctx)->view.by = value;
	return 0;
}

static int set_by_device(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	return set_by(ctx, "device", error);
}

static int set_annotate(void *ctx, const char *value, struct strbuf *error)
{
	if (!*value) {
		strbuf_adds(error, "--annotate takes the path or the name of a source");
		return -EINVAL;
	}
	((struct report *)ctx)->annotation.file = value;
	return 0;
}

static int set_source(void *ctx, const char *value, struct strbuf *error)
{
	(void)error;
	((struct report *)ctx)->annotation.source = value;
	return 0;
}

static const struct opt report_opts[] = {
	{ "view", 0, "NAME", "the report to show (default: that of the mode it was measured with)",
	  set_view, "view" },
	{ "rows", 'n', "N", "show so many of the heaviest rows (default 20 functions)", set_rows,
	  NULL },
	{ "latency", 'L', NULL, "show whole histograms, as io --latency does", set_latency, NULL },
	{ "by", 0, "LABEL", "one row for each value of this label, all others together", set_by,
	  "device op phase" },
	{ "by-device", 'D', NULL, "one row a device, as io --by-device does", set_by_device, NULL },
	{ "annotate", 'a', "FILE.py", "show this interpreted source, with what each line took",
	  set_annotate, "file" },
	{ "source", 0, "PATH", "where that source is, if not at its own path: a file or a folder",
	  set_source, "file" },
	{ 0 },
};

enum { GROUP_REPORT, GROUP_FRAMES, GROUP_OUTPUT, GROUP_LOG, GROUPS };

static void make_groups(struct report *r, struct opt_group *ret)
{
	ret[GROUP_REPORT] = (struct opt_group){ "Report", report_opts, r };
	ret[GROUP_FRAMES] = (struct opt_group){ "Interpreted code (Python)", frames_opts,
						&r->frames };
	ret[GROUP_OUTPUT] = (struct opt_group){ "Output", output_opts, &r->output };
	ret[GROUP_LOG] = (struct opt_group){ "Other", log_opts, &r->view };
	ret[GROUPS] = (struct opt_group){ 0 };
}

static const struct opt_group *report_options(void)
{
	static struct opt_group groups[GROUPS + 1];
	static struct report unused;

	make_groups(&unused, groups);
	return groups;
}

static int take_words(struct report *report, const char **words, int nr, struct strbuf *error)
{
	if (nr == 1) {
		report->path = strcmp(words[0], "-") ? words[0] : "/dev/stdin";
		return 0;
	}
	if (nr)
		strbuf_addf(error, "one file at a time: '%s' is too much", words[1]);
	else
		strbuf_adds(error, "which file? One that was saved with -o FILE.pb.gz");
	return -EINVAL;
}

static int check_annotate(const struct report *r, struct strbuf *error)
{
	if (!r->annotation.file && r->annotation.source)
		strbuf_adds(error, "--source goes with --annotate");
	else if (r->annotation.file && r->view_name)
		strbuf_addf(error, "--annotate is a report, as --view %s is; leave one out",
			    r->view_name);
	else if (r->annotation.file && (r->output.json || (r->output.format && !r->output.nr)))
		strbuf_addf(error, "--annotate is a report for people, not for %s; leave one out",
			    r->output.json ? "--json" : "--format");
	else
		return 0;
	return -EINVAL;
}

static int parse(struct report *report, int argc, char **argv, struct strbuf *error)
{
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct opt_group groups[GROUPS + 1];
	char **rest = NULL;
	int r;

	if (!words)
		return -ENOMEM;
	make_groups(report, groups);
	r = opt_parse(groups, NULL, argc, argv, words, &rest, error);
	if (r >= 0 && rest) {
		/* The file's name may begin with a dash. */
		for (; *rest; rest++)
			words[r++] = *rest;
	}
	if (r >= 0)
		r = take_words(report, words, r, error);
	if (r >= 0)
		r = check_annotate(report, error);
	return r < 0 ? r : output_check(&report->output, error);
}

/* Has any sample a label that is asked for? */
static int check_by(const struct report *report, const struct profile *p, struct strbuf *error)
{
	_cleanup_(strbuf_done) struct strbuf known = STRBUF_INIT;
	struct intern names = INTERN_INIT;
	bool found = !report->view.by;
	int r = 0;

	for (uint32_t i = 0; r >= 0 && !found && i < profile_nr_label_sets(p); i++) {
		struct label_set set = profile_labels_at(p, i);

		for (uint32_t k = 0; r >= 0 && k < set.nr; k++) {
			const char *name = profile_string_at(p, set.labels[k].name);
			uint32_t id;

			found |= !strcmp(name, report->view.by);
			r = intern_add(&names, name, strlen(name), &id);
			if (r <= 0)
				continue;
			strbuf_addch(&known, ' ');
			strbuf_add_escaped(&known, name);
		}
	}
	intern_done(&names);
	if (r < 0 || found)
		return r < 0 ? r : 0;
	strbuf_addf(error, "nothing in %s has the label '%s'; %s%s", report->path, report->view.by,
		    known.len ? "there are" : "it has no labels", strbuf_str(&known));
	return -EIO;
}

static int show(struct report *report, struct strbuf *error)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	const char *view = report->view_name;
	const struct mode *mode;
	int r = pprof_read(report->path, &p, error);

	if (r >= 0)
		r = frames_apply(&report->frames, &p);
	if (r >= 0)
		r = check_by(report, p, error);
	if (r >= 0 && report->annotation.file) {
		r = annotation_find(&report->annotation, p, error);
		report->view.annotate = &report->annotation.shown;
	}
	if (r < 0)
		return r;
	mode = mode_find(profile_facts(p)->mode);
	return output_write(&report->output, p, &report->view,
			    view		   ? view
			    : summary_has_calls(p) ? "pycalls"
			    : mode		   ? mode->view
						   : NULL,
			    error);
}

static int run_report(int argc, char **argv)
{
	struct report report = { 0 };
	struct strbuf error = STRBUF_INIT;
	int r, status = EXIT_OK;

	terminal_settings(&report.view);
	r = parse(&report, argc, argv, &error);
	if (r < 0) {
		status = cmd_fail("report", r, &error);
	} else {
		r = show(&report, &error);
		/* From here on -EINVAL speaks of the file, not of the command line. */
		if (r < 0)
			status = cmd_fail("report", r == -EINVAL ? -EIO : r, &error);
	}
	annotation_done(&report.annotation);
	strbuf_done(&error);
	return status;
}

const struct cmd cmd_report = {
	.name = "report",
	.summary = "show a saved profile, or write it in another format",
	.synopsis = "FILE.pb.gz [options]",
	.about = "Reads a profile that was saved with -o FILE.pb.gz, by bpfprof or by another tool "
		 "that writes pprof, and shows or writes it as the measuring would have; - is "
		 "standard input. Needs no privileges.",
	.options = report_options,
	.run = run_report,
};
