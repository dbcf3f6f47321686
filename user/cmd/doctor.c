// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cmd/cmd.h"
#include "doctor/explain.h"
#include "doctor/features.h"

enum { NAME_COLUMNS = 30, CURE_INDENT = 11 };

static const char *const marks[] = {
	[FEATURE_OK] = "ok",
	[FEATURE_DEGRADED] = "less",
	[FEATURE_MISSING] = "missing",
};

/* One line of the account: a feature or a mode, and what its probe said. */
struct finding {
	const char *area, *name, *summary;
	const char *weight; /* of a feature: needed by all modes, or nice to have */
	enum feature_state state;
	struct strbuf found, cure;
};

/* Where findings go: the table or the JSON object. */
struct report {
	FILE *out;
	bool as_json;
	uint32_t pid; /* 0: of the machine */
	bool begun;   /* something was shown */
	struct json json;
	struct strbuf cure;  /* of the lines before, not yet shown: neighbours often share it */
	struct strbuf shown; /* all that were */
};

static int set_json(void *ctx, const char *value, struct strbuf *error)
{
	struct report *r = ctx;

	(void)value, (void)error;
	r->as_json = true;
	return 0;
}

static int set_pid(void *ctx, const char *value, struct strbuf *error)
{
	struct report *r = ctx;
	uint64_t pid;

	if (parse_u64(value, &pid) || !pid || pid >= 1u << 22) {
		strbuf_addf(error, "--pid takes the number of a process such as 812, not '%s'",
			    value);
		return -EINVAL;
	}
	r->pid = (uint32_t)pid;
	return 0;
}

static const struct opt process_opts[] = {
	{ "pid", 'p', "PID", "why this process has interpreted frames, or has none", set_pid,
	  "pid" },
	{ 0 },
};

static const struct opt doctor_opts[] = {
	{ .name = "json", .help = "the account as one JSON object", .set = set_json },
	{ 0 },
};

enum { GROUP_PROCESS, GROUP_OUTPUT, GROUPS };

static void make_groups(struct report *r, struct opt_group ret[GROUPS + 1])
{
	ret[GROUP_PROCESS] = (struct opt_group){ "What to look at", process_opts, r };
	ret[GROUP_OUTPUT] = (struct opt_group){ "Output", doctor_opts, r };
	ret[GROUPS] = (struct opt_group){ 0 };
}

static const struct opt_group *doctor_options(void)
{
	static struct opt_group groups[GROUPS + 1];

	make_groups(NULL, groups);
	return groups;
}

static void flush_cure(struct report *r)
{
	const char *line = strbuf_str(&r->cure);
	bool again = *line && strstr(strbuf_str(&r->shown), line);

	if (again)
		fprintf(r->out, "%*scure: as above\n", CURE_INDENT, "");
	while (*line && !again) {
		const char *end = strchrnul(line, '\n');

		fprintf(r->out, "%*scure: %.*s\n", CURE_INDENT, "", (int)(end - line), line);
		line = *end ? end + 1 : end;
	}
	strbuf_adds(&r->shown, strbuf_str(&r->cure));
	strbuf_reset(&r->cure);
}

static void show_line(struct report *r, const struct finding *f)
{
	size_t width = utf8_width(f->name, strlen(f->name));

	if (f->area || strcmp(strbuf_str(&r->cure), strbuf_str(&f->cure)))
		flush_cure(r);
	if (f->area)
		fprintf(r->out, "%s:\n", f->area);
	fprintf(r->out, "  %-8s %s%*s %s\n", marks[f->state], f->name,
		width < NAME_COLUMNS ? (int)(NAME_COLUMNS - width) : 0, "", strbuf_str(&f->found));
	if (f->state != FEATURE_OK)
		fprintf(r->out, "%*sfor: %s\n", CURE_INDENT, "", f->summary);
	if (!r->cure.len)
		strbuf_adds(&r->cure, strbuf_str(&f->cure));
}

static void show_json(struct report *r, const struct finding *f)
{
	json_object(&r->json, NULL);
	json_string(&r->json, "name", f->name);
	json_string(&r->json, "summary", f->summary);
	if (f->weight)
		json_string(&r->json, "weight", f->weight);
	json_string(&r->json, "state", marks[f->state]);
	json_string(&r->json, "found", strbuf_str(&f->found));
	json_string(&r->json, "cure", strbuf_str(&f->cure));
	json_end(&r->json);
}

static void finding_show(struct report *r, const struct finding *f)
{
	if (r->as_json)
		show_json(r, f);
	else
		show_line(r, f);
}

static void finding_done(struct finding *f)
{
	strbuf_done(&f->found);
	strbuf_done(&f->cure);
}

static void show_features(struct report *r)
{
	for (const struct feature *f = features; f->name; f++) {
		_cleanup_(finding_done) struct finding finding = {
			.area = f->area,
			.name = f->name,
			.summary = f->summary,
			.weight = f->needed ? "needed" : "nice",
		};

		finding.state = f->probe(f, &finding.found, &finding.cure);
		finding_show(r, &finding);
	}
}

/* The number of modes that do not run. */
static unsigned show_modes(struct report *r)
{
	unsigned failed = 0;

	for (const struct mode *const *m = modes; *m; m++) {
		_cleanup_(finding_done) struct finding finding = {
			.area = m == modes ? "modes" : NULL,
			.name = (*m)->name,
			.summary = (*m)->summary,
		};
		int err = features_mode_loads(*m, &finding.found);

		if (err < 0) {
			failed++;
			finding.state = FEATURE_MISSING;
			if (!finding.found.len)
				strbuf_adds(&finding.found, strerror(-err));
		} else if (err) {
			_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;

			strbuf_adds(&why, strbuf_str(&finding.found));
			strbuf_reset(&finding.found);
			strbuf_addf(&finding.found,
				    "runs, but user stacks are walked by frame pointers: %s",
				    strbuf_str(&why));
			finding.state = FEATURE_DEGRADED;
		} else {
			strbuf_reset(&finding.found);
			strbuf_adds(&finding.found, "runs");
		}
		finding_show(r, &finding);
	}
	return failed;
}

static unsigned show_all(struct report *r)
{
	_cleanup_(strbuf_done) struct strbuf capabilities = STRBUF_INIT;
	unsigned failed;

	features_capabilities(&capabilities);
	if (!r->as_json) {
		show_features(r);
		failed = show_modes(r);
		flush_cure(r);
		return failed;
	}
	json_init(&r->json, r->out);
	json_object(&r->json, NULL);
	json_string(&r->json, "capabilities", strbuf_str(&capabilities));
	json_array(&r->json, "features");
	show_features(r);
	json_end(&r->json);
	json_array(&r->json, "modes");
	failed = show_modes(r);
	json_end(&r->json);
	json_end(&r->json);
	return failed;
}

static void show_step(void *ctx, const struct explained *e)
{
	struct report *r = ctx;
	_cleanup_(strbuf_done) struct strbuf area = STRBUF_INIT;
	/* The step keeps what was found. */
	struct finding f = {
		.name = e->name,
		.summary = e->summary,
		.state = e->state,
		.found = e->found,
		.cure = e->cure,
	};

	strbuf_addf(&area, "process %u", r->pid);
	if (!r->begun)
		f.area = strbuf_str(&area);
	if (!r->begun && r->as_json) {
		json_init(&r->json, r->out);
		json_object(&r->json, NULL);
		json_u64(&r->json, "pid", r->pid);
		json_array(&r->json, "process");
	}
	finding_show(r, &f);
	r->begun = true;
}

/* The number of steps that failed, or a negative errno. */
static int show_process(struct report *r, struct strbuf *error)
{
	int failed = explain_process(r->pid, show_step, r, error);

	if (failed < 0 && !error->len)
		strbuf_addf(error, "process %u can't be looked at: %s", r->pid, strerror(-failed));
	if (r->begun && r->as_json) {
		json_end(&r->json);
		json_end(&r->json);
	}
	flush_cure(r);
	return failed;
}

static int doctor_run(int argc, char **argv)
{
	struct report r = { .out = stdout };
	struct opt_group groups[GROUPS + 1];
	_cleanup_(strbuf_done) struct strbuf error = STRBUF_INIT;
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	char **rest = NULL;
	int nr, failed;

	if (!words) {
		log_error("out of memory");
		return EXIT_CANNOT;
	}
	make_groups(&r, groups);
	nr = opt_parse(groups, NULL, argc, argv, words, &rest, &error);
	if (nr >= 0 && (nr > 0 || rest)) {
		strbuf_adds(&error, "doctor takes no arguments; -p PID names a process");
		nr = -EINVAL;
	}
	if (nr < 0)
		return cmd_fail("doctor", nr, &error);
	failed = r.pid ? show_process(&r, &error) : (int)show_all(&r);
	strbuf_done(&r.cure);
	strbuf_done(&r.shown);
	if (fflush(stdout) || ferror(stdout)) {
		log_error("standard output: %s", strerror(errno));
		return EXIT_CANNOT;
	}
	if (failed < 0)
		return cmd_fail("doctor", failed, &error);
	return failed ? EXIT_CANNOT : EXIT_OK;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "what this kernel and this user can do, with a cure for each problem",
	.synopsis = "[-p PID] [--json]",
	.about = "Tries all that bpfprof uses, line by line, and loads every mode. `ok`: there; "
		 "`less`: "
		 "bpfprof works, with less; `missing`: what needs it will not run. What would mend "
		 "a "
		 "problem stands below it.\n\n"
		 "It runs as any user. The rights that it lists are enough to run every mode "
		 "without "
		 "being root. Exit status 0: every mode runs; 1: some do not.\n\n"
		 "With -p it looks at one process instead, and says step by step how its "
		 "interpreted frames (Python's) are found, or why it has none. It does not stop "
		 "the process. Exit status 0: they can be had; 1: they can't, or there is no such "
		 "process.",
	.options = doctor_options,
	.run = doctor_run,
};
