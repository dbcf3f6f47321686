// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The present stack of every thread of a process. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "base/parse.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "cmd/naming.h"
#include "cmd/output.h"
#include "cmd/terminal.h"
#include "collect/live.h"
#include "mode/dump.h"

static int set_pid(void *ctx, const char *value, struct strbuf *error)
{
	struct dump_settings *s = ctx;
	int n = parse_list(value, 1u << 22, s->pids, DUMP_MAX_PIDS);

	if (n <= 0 || !s->pids[0]) {
		strbuf_addf(error, "--pid takes numbers of processes such as 812,1034, not '%s'",
			    value);
		return -EINVAL;
	}
	s->nr_pids = (size_t)n;
	return 0;
}

static int set_user_only(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct dump_settings *)ctx)->kernel = false;
	return 0;
}

static int set_kernel_only(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct dump_settings *)ctx)->user = false;
	return 0;
}

static int set_json(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct dump_settings *)ctx)->as_json = true;
	return 0;
}

static const struct opt dump_opts[] = {
	{ "pid", 'p', "PID,...", "of these processes", set_pid, "pid" },
	{ "user", 'U', NULL, "user frames only", set_user_only, NULL },
	{ "kernel", 'K', NULL, "kernel frames only", set_kernel_only, NULL },
	{ "json", 0, NULL, "print one JSON object", set_json, NULL },
	{ 0 },
};

static const size_t MAX_NAMES = (size_t)256 << 20; /* bytes */

enum { GROUP_DUMP, GROUP_FRAMES, GROUP_LOG, GROUPS };

static void make_groups(struct dump_settings *s, struct opt_group *ret)
{
	ret[GROUP_DUMP] = (struct opt_group){ "What to show", dump_opts, s };
	ret[GROUP_FRAMES] = (struct opt_group){ "Interpreted code (Python)", frames_native_opts,
						&s->frames };
	ret[GROUP_LOG] = (struct opt_group){ "Messages", log_opts, &s->view };
	ret[GROUPS] = (struct opt_group){ 0 };
}

static const struct opt_group *dump_options(void)
{
	static struct opt_group groups[GROUPS + 1];
	static struct dump_settings unused;

	make_groups(&unused, groups);
	return groups;
}

static int parse(struct dump_settings *s, int argc, char **argv, struct strbuf *error)
{
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct opt_group groups[GROUPS + 1];
	char **rest = NULL;
	int r;

	if (!words)
		return -ENOMEM;
	*s = (struct dump_settings){ .user = true,
				     .kernel = true,
				     .frames = { .split_lines = true } };
	terminal_settings(&s->view);
	make_groups(s, groups);
	r = opt_parse(groups, NULL, argc, argv, words, &rest, error);
	if (r < 0)
		return r;
	if (r || rest)
		strbuf_adds(error, "dump takes no arguments; -p PID says which process");
	else if (!s->nr_pids)
		strbuf_adds(error, "which process? -p PID says it");
	else if (!s->user && !s->kernel)
		strbuf_adds(error, "--user and --kernel exclude each other");
	return error->len ? -EINVAL : 0;
}

/* All that a dump is made of. */
struct dump {
	const struct dump_settings *settings;
	struct capture capture;
	struct snapshot *snapshot;
	struct snapshot_process processes[DUMP_MAX_PIDS];
	struct live *live; /* NULL: nothing ran */
	struct profile *taken, *sampled;
	struct strbuf *error;
};

static void forget(struct dump *d)
{
	for (size_t i = 0; i < d->settings->nr_pids; i++)
		snapshot_process_done(&d->processes[i]);
	snapshot_free(d->snapshot);
	d->snapshot = NULL;
	capture_done(&d->capture);
}

static int take(struct dump *d)
{
	struct snapshot_settings s = { .user_stacks = d->settings->user,
				       .kernel_stacks = d->settings->kernel };
	int r = capture_init(&d->capture);

	s.object = dump_object(&s.object_size);
	if (r >= 0)
		r = snapshot_open(&d->snapshot, &s, &d->capture, d->error);
	for (size_t i = 0; r >= 0 && i < d->settings->nr_pids; i++)
		r = snapshot_take(d->snapshot, d->settings->pids[i], &d->processes[i], d->error);
	return r;
}

/* The threads that no look found off a CPU. 0 or -ENOMEM. */
static int list_running(const struct dump *d, struct dump_wanted **ret, uint32_t *ret_nr)
{
	uint32_t cap = 0;

	for (size_t i = 0; i < d->settings->nr_pids; i++) {
		const struct snapshot_process *p = &d->processes[i];

		for (uint32_t k = 0; k < p->nr_threads; k++) {
			const struct snapshot_thread *t = &p->threads[k];

			if (t->result != SNAPSHOT_ON_CPU && t->result != SNAPSHOT_MOVING)
				continue;
			if (array_reserve(*ret, cap, *ret_nr + 1u) < 0)
				return -ENOMEM;
			(*ret)[(*ret_nr)++] = (struct dump_wanted){ t->tid, p->runtime };
		}
	}
	return 0;
}

/*
 * What ran is sampled, which takes a while to set up; then all is taken again, so that the stacks
 * of both kinds are of about the same moment.
 */
static int sample_running(struct dump *d)
{
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	_cleanup_free_ struct dump_wanted *wanted = NULL;
	uint32_t nr = 0;
	int r = list_running(d, &wanted, &nr);

	if (r < 0 || !nr)
		return r;
	r = dump_sample(d->settings, wanted, nr, &d->live, &why);
	if (r < 0) {
		log_warn("what runs on a CPU can't be sampled: %s",
			 why.len ? strbuf_str(&why) : strerror(-r));
		return r == -ENOMEM ? r : 0;
	}
	forget(d);
	return take(d);
}

static int name(const struct dump *d, const struct capture *c, struct profile **ret)
{
	static const struct mode dump = { .name = "dump", .values = { { "threads", "count" } } };
	static const struct profile_info info = { .mode = "dump",
						  .values = { { "threads", "count" }, { "", "" } },
						  .host = "",
						  .command = "" };
	const struct symbolizer_settings settings = { .internals = d->settings->view.verbose,
						      .max_memory = MAX_NAMES };
	_cleanup_(naming_freep) struct naming *n = NULL;
	int r = naming_new(&n, &dump, c, &settings);

	if (r >= 0)
		r = naming_profile(n, &info, ret);
	return r < 0 ? r : frames_apply(&d->settings->frames, ret);
}

/* Of a single sample, the capture does not say what it lacks. */
static void note_quality(const struct capture *sampled)
{
	uint64_t all = sampled->quality.n[QUALITY_USER_STACKS];
	uint64_t whole = sampled->quality.n[QUALITY_ROOT];

	if (whole < all)
		log_at(whole < all / 2 ? LOG_NOTE : LOG_VERBOSE,
		       "of what runs on a CPU, %" PRIu64 " of %" PRIu64
		       " stacks that were sampled are not known to be complete",
		       all - whole, all);
}

static int dump_all(struct dump *d)
{
	struct dump_shown shown[DUMP_MAX_PIDS];
	int r = take(d);

	if (r >= 0)
		r = sample_running(d);
	if (r >= 0)
		r = name(d, &d->capture, &d->taken);
	if (r >= 0 && d->live)
		r = name(d, live_capture(d->live), &d->sampled);
	for (size_t i = 0; i < d->settings->nr_pids; i++)
		shown[i] = (struct dump_shown){ &d->processes[i], d->taken, d->sampled };
	if (r >= 0)
		r = dump_print(d->settings, shown, (uint32_t)d->settings->nr_pids, stdout);
	if (r >= 0 && d->live)
		note_quality(live_capture(d->live));
	if (r >= 0 && (fflush(stdout) || ferror(stdout))) {
		r = -errno;
		strbuf_addf(d->error, "standard output: %s", strerror(-r));
	}
	return r;
}

static int run_dump(int argc, char **argv)
{
	struct dump_settings settings;
	struct strbuf error = STRBUF_INIT;
	struct dump d = { .settings = &settings, .error = &error };
	int status, r = parse(&settings, argc, argv, &error);

	if (r >= 0) {
		live_log_libbpf();
		r = dump_all(&d);
		/* The command line was right: whatever this is, it is no usage error. */
		r = r == -EINVAL ? -EIO : r;
		forget(&d);
	}
	status = r < 0 ? cmd_fail("dump", r, &error) : EXIT_OK;
	profile_free(d.taken);
	profile_free(d.sampled);
	live_free(d.live);
	strbuf_done(&error);
	return status;
}

const struct cmd cmd_dump = {
	.name = "dump",
	.summary = "where every thread of a process is right now",
	.synopsis = "-p PID[,PID...] [options]",
	.about = "Prints the present stack of every thread, innermost frame first: kernel, native "
		 "and interpreted frames in one, each with the line that it is at. The process is "
		 "neither stopped nor touched. A thread that is on a CPU is sampled for at most a "
		 "tenth of a second.",
	.options = dump_options,
	.run = run_dump,
};
