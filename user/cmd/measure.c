// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/measure.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/parse.h"
#include "cmd/cmd.h"
#include "cmd/terminal.h"

static int bad(struct strbuf *error, const char *option, const char *takes, const char *value)
{
	strbuf_addf(error, "%s takes %s, not '%s'", option, takes, value);
	return -EINVAL;
}

static int set_ids(const char *option, const char *value, uint32_t *ids, size_t *ret_nr,
		   struct strbuf *error)
{
	int n = parse_list(value, 1u << 22, ids, FILTER_MAX_PIDS);

	if (n <= 0 || !ids[0])
		return bad(error, option, "numbers of processes or threads such as 812,1034",
			   value);
	*ret_nr = (size_t)n;
	return 0;
}

static int set_pid(void *ctx, const char *value, struct strbuf *error)
{
	struct filter *f = &((struct measure_settings *)ctx)->live.filter;

	return set_ids("--pid", value, f->pids, &f->nr_pids, error);
}

static int set_tid(void *ctx, const char *value, struct strbuf *error)
{
	struct filter *f = &((struct measure_settings *)ctx)->live.filter;

	return set_ids("--tid", value, f->tids, &f->nr_tids, error);
}

static int set_children(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct measure_settings *)ctx)->live.filter.children = true;
	return 0;
}

static int set_comm(void *ctx, const char *value, struct strbuf *error)
{
	if (!*value || strlen(value) >= ABI_GLOB_LEN)
		return bad(error, "--comm",
			   "a name of 1 to 31 bytes in which * and ? stand for any", value);
	((struct measure_settings *)ctx)->live.filter.comm = value;
	return 0;
}

static int set_cgroup(void *ctx, const char *value, struct strbuf *error)
{
	(void)error;
	((struct measure_settings *)ctx)->live.filter.cgroup = value;
	return 0;
}

static int set_cpu(void *ctx, const char *value, struct strbuf *error)
{
	struct filter *f = &((struct measure_settings *)ctx)->live.filter;
	int n = parse_list(value, FILTER_MAX_CPUS, f->cpus, FILTER_MAX_CPUS);

	if (n <= 0)
		return bad(error, "--cpu", "a list of CPUs such as 0-3,5", value);
	f->nr_cpus = (size_t)n;
	return 0;
}

static const struct opt whom_opts[] = {
	{ "pid", 'p', "PID,...", "only these processes", set_pid, "pid" },
	{ "children", 0, NULL, "and all that they started and start", set_children, NULL },
	{ "tid", 't', "TID,...", "only these threads", set_tid, "pid" },
	{ "comm", 0, "GLOB", "only threads of this name; * and ? stand for any", set_comm, NULL },
	{ "cgroup", 0, "PATH", "only this cgroup v2 folder and what is below it", set_cgroup,
	  "folder" },
	{ "cpu", 'C', "LIST", "only on these CPUs: 0-3,5", set_cpu, NULL },
	{ 0 },
};

static int set_duration(void *ctx, const char *value, struct strbuf *error)
{
	struct measure_settings *s = ctx;

	if (parse_duration(value, &s->duration_ns) < 0 || !s->duration_ns)
		return bad(error, "--duration", "a time such as 10s, 500ms or 2m", value);
	s->has_duration = true;
	return 0;
}

static const struct opt time_opts[] = {
	{ "duration", 'd', "TIME", "how long: 10s, 500ms, 2m; a bare number is seconds",
	  set_duration, NULL },
	{ 0 },
};

static int set_stacks(void *ctx, bool user, bool kernel, struct strbuf *error)
{
	struct live_settings *s = &((struct measure_settings *)ctx)->live;

	if (s->user_stacks && s->kernel_stacks) {
		s->user_stacks = user;
		s->kernel_stacks = kernel;
	}
	if (s->user_stacks == user && s->kernel_stacks == kernel)
		return 0;
	strbuf_adds(error, "--user (-U), --kernel (-K) and --no-stacks exclude each "
			   "other");
	return -EINVAL;
}

static int set_user_only(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	return set_stacks(ctx, true, false, error);
}

static int set_kernel_only(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	return set_stacks(ctx, false, true, error);
}

static int set_no_stacks(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	return set_stacks(ctx, false, false, error);
}

static int set_max_depth(void *ctx, const char *value, struct strbuf *error)
{
	uint64_t depth;

	if (parse_u64(value, &depth) < 0 || !depth || depth > ABI_MAX_DEPTH)
		return bad(error, "--max-depth", "1 to 1024 frames", value);
	((struct measure_settings *)ctx)->live.max_depth = (uint32_t)depth;
	return 0;
}

static int set_unwind(void *ctx, const char *value, struct strbuf *error)
{
	static const char *const names[] = { "auto", "eh-frame", "fp" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]))
			continue;
		((struct measure_settings *)ctx)->live.unwind = (enum live_unwind)i;
		return 0;
	}
	return bad(error, "--unwind", "auto, eh-frame (tables) or fp (frame pointers)", value);
}

static int set_no_inline(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct measure_settings *)ctx)->no_inline = true;
	return 0;
}

static const struct opt stack_opts[] = {
	{ "user", 'U', NULL, "user frames only", set_user_only, NULL },
	{ "kernel", 'K', NULL, "kernel frames only", set_kernel_only, NULL },
	{ "no-stacks", 0, NULL, "no stacks at all", set_no_stacks, NULL },
	{ "max-depth", 0, "N", "frames of each kind in a stack, at most (default 256)",
	  set_max_depth, NULL },
	{ "unwind", 0, "HOW",
	  "how user stacks are walked: eh-frame, by unwind tables; fp, by frame pointers; auto "
	  "(default): by tables where the kernel takes that",
	  set_unwind, "auto eh-frame fp" },
	{ "no-inline", 0, NULL, "do not show inlined calls as frames", set_no_inline, NULL },
	{ 0 },
};

static int set_max_memory(void *ctx, const char *value, struct strbuf *error)
{
	struct measure_settings *s = ctx;

	if (parse_size(value, &s->live.max_memory) < 0 || !s->live.max_memory)
		return bad(error, "--max-memory", "a size such as 64M", value);
	return 0;
}

static const struct opt other_opts[] = {
	{ "max-memory", 0, "SIZE", "bound of its own memory and its maps together (default 256M)",
	  set_max_memory, NULL },
	{ 0 },
};

/* Of perf, py-spy and bcc's tools. */
static const struct opt_habit habits[] = {
	{ "all-cpus", 'a', "the whole system is measured where nobody is named" },
	{ "all", 0, "the whole system is measured where nobody is named" },
	{ "subprocesses", 0, "--children adds what a process starts" },
	{ "call-graph", 'g', "stacks are taken unless --no-stacks is given" },
	{ "stack", 's', "stacks are taken unless --no-stacks is given" },
	{ "rate", 'r', "'bpfprof cpu -F HZ' takes so many samples a second" },
	{ "timeout", 0, "--duration (-d) says how long" },
	{ "interval", 0, "a bare '1s' reports every second" },
	{ 0 },
};

enum {
	GROUP_MODE,
	GROUP_WHOM,
	GROUP_TIME,
	GROUP_STACKS,
	GROUP_FRAMES,
	GROUP_OUTPUT,
	GROUP_OTHER,
	GROUP_LOG,
	GROUPS
};

/* A mode's option groups, with `s` as what they set; `ret` has room for GROUPS + 1. */
static void make_groups(const struct mode *mode, struct measure_settings *s, struct opt_group *ret)
{
	static const struct opt none[] = { { 0 } };

	ret[GROUP_MODE] = (struct opt_group){ "What to measure",
					      mode && mode->opts ? mode->opts : none,
					      &s->live.mode };
	ret[GROUP_WHOM] = (struct opt_group){ "Whom to measure", whom_opts, s };
	ret[GROUP_TIME] = (struct opt_group){ "How long", time_opts, s };
	ret[GROUP_STACKS] = (struct opt_group){ "Stacks", stack_opts, s };
	ret[GROUP_FRAMES] = (struct opt_group){ "Interpreted code (Python)", frames_opts,
						&s->frames };
	ret[GROUP_OUTPUT] = (struct opt_group){ "Output", output_opts, &s->output };
	ret[GROUP_OTHER] = (struct opt_group){ "Other", other_opts, s };
	ret[GROUP_LOG] = (struct opt_group){ "Messages", log_opts, &s->view };
	ret[GROUPS] = (struct opt_group){ 0 };
}

const struct opt_group *run_options(const struct mode *mode)
{
	static struct opt_group groups[GROUPS + 1];
	static struct measure_settings unused;

	make_groups(mode, &unused, groups);
	return groups;
}

/* `python` alone is no function: it is all of them. */
static int take_operands(struct measure_settings *s, struct strbuf *error)
{
	if (s->nr_operands == 1 && !strcmp(s->operands[0], "python")) {
		s->live.mode.python = true;
		s->nr_operands = 0;
	}
	if (s->live.mode.python && s->nr_operands) {
		strbuf_addf(error,
			    "--python is for all calls of Python: '%s' can't stand beside it",
			    s->operands[0]);
		return -EINVAL;
	}
	return 0;
}

static int take_words(struct measure_settings *s, const char *const *words, int nr,
		      struct strbuf *error)
{
	if (nr > 2) {
		strbuf_addf(error,
			    "'%s' is too much: after the options come an interval and a "
			    "count, or '-- PROGRAM'",
			    words[2]);
		return -EINVAL;
	}
	if (nr > 0 && (parse_duration(words[0], &s->interval_ns) < 0 || !s->interval_ns)) {
		strbuf_addf(error,
			    "'%s' is no interval: a time such as 1s (a program to measure "
			    "comes after '--')",
			    words[0]);
		return -EINVAL;
	}
	if (nr > 1 && (parse_u64(words[1], &s->nr_intervals) < 0 || !s->nr_intervals ||
		       s->nr_intervals > INT64_MAX / s->interval_ns))
		return bad(error, "the count of intervals", "a number from 1 on", words[1]);
	return 0;
}

/* How long, where it was not said. */
static void settle_duration(const struct mode *mode, struct measure_settings *s)
{
	if (s->nr_intervals && !s->has_duration)
		s->duration_ns = s->nr_intervals * s->interval_ns;
	else if (!s->has_duration)
		s->duration_ns = s->interval_ns || s->program ? 0 : mode->duration_ns;
}

/* Stacks cost more than all the rest of an event: they are not walked for nobody. */
static void settle_stacks(const struct mode *mode, struct measure_settings *s)
{
	bool shown = s->output.nr || s->output.format || !(s->view.full || s->output.json) ||
		     (s->live.mode.slower_ns && mode->events_have_stacks);

	if (mode->stacks_optional && !shown)
		s->live.user_stacks = s->live.kernel_stacks = false;
}

/* Its stacks are calls of Python alone, always; and who asks for all calls wants them all. */
static void settle_python(struct measure_settings *s)
{
	if (!s->live.mode.python)
		return;
	s->live.user_stacks = true;
	s->live.kernel_stacks = false;
	s->live.unwind = LIVE_UNWIND_TABLES;
	s->view_name = "pycalls";
	if (!s->live.mode.has_max_overhead)
		s->live.mode.max_overhead = 0;
}

int measure_parse(const struct mode *mode, int argc, char **argv, struct measure_settings *ret,
		  struct strbuf *error)
{
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct opt_group groups[GROUPS + 1];
	int r;

	if (!words)
		return -ENOMEM;
	*ret = (struct measure_settings){
		.live = { .mode = mode->defaults, .user_stacks = true, .kernel_stacks = true }
	};
	terminal_settings(&ret->view);
	make_groups(mode, ret, groups);
	r = opt_parse(groups, habits, argc, argv, words, &ret->program, error);
	if (r >= 0 && mode->operands) {
		ret->operands = words;
		ret->nr_operands = (size_t)r;
		words = NULL;
		r = take_operands(ret, error);
	} else if (r >= 0) {
		r = take_words(ret, words, r, error);
	}
	if (r < 0)
		return r;
	if (ret->program && !ret->program[0]) {
		strbuf_adds(error, "after '--' comes the program to measure");
		return -EINVAL;
	}
	if (ret->live.filter.children && !ret->live.filter.nr_pids) {
		strbuf_adds(error, "--children goes with --pid");
		return -EINVAL;
	}
	if (ret->program)
		ret->live.filter.only_added = ret->live.filter.children = true;
	ret->live.per_thread = ret->output.per_thread;
	ret->view.full = ret->live.mode.full;
	ret->view.by = ret->live.mode.by;
	ret->view_name = mode->view;
	settle_duration(mode, ret);
	settle_stacks(mode, ret);
	settle_python(ret);
	return 0;
}

void measure_done(struct measure_settings *s)
{
	free(s->operands);
	s->operands = NULL;
}
