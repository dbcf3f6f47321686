// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every mode: open, measure, name, show. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/log.h"
#include "base/now.h"
#include "base/parse.h"
#include "cmd/cmd.h"
#include "cmd/events.h"
#include "cmd/functions.h"
#include "cmd/measure.h"
#include "cmd/naming.h"
#include "cmd/program.h"
#include "cmd/python_calls.h"

/* How often the kernel half is emptied, at least. */
enum { DRAIN_MS = 250 };

struct run {
	const struct mode *mode;
	struct measure_settings settings;
	struct function_words *functions; /* NULL: the mode has none */
	struct live *live;
	struct naming *naming;
	struct events events;
	struct program program;
	struct profile *total; /* of all intervals, where files are asked for */
	struct strbuf command;
	int64_t began_realtime;
	uint64_t opened, interval_began, drained; /* CLOCK_MONOTONIC */
	size_t nr_notes;			  /* of probes, that were said */
	bool memory_limited;
	bool unread;  /* nobody reads standard output any more */
	bool refused; /* nothing could be measured; the program ran all the same */
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int signal_number)
{
	stop_signal = signal_number;
}

/* It has ended a wait: program_ended() tells the rest. */
static void on_child(int signal_number)
{
	(void)signal_number;
}

static void catch_signals(void)
{
	struct sigaction a = { .sa_handler = on_signal }, before;
	const struct sigaction child = { .sa_handler = on_child, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGCHLD, &child, NULL);
	/* Who began it by nohup(1) wants it to go on. */
	if (!sigaction(SIGHUP, NULL, &before) && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &a, NULL);
}

/* One event of --slower, as it comes. */
static void show_event(void *ctx, const struct live_event *e)
{
	struct run *run = ctx;

	events_show(&run->events, e);
	run->unread |= run->events.unread;
}

static int drain(struct run *run)
{
	int r = live_drain(run->live);

	run->drained = now_ns();
	return r;
}

static int make_profile(struct run *run, uint64_t from, uint64_t to, struct profile **ret)
{
	struct capture *c = live_capture(run->live);
	struct profile_info info = { .mode = run->mode->name,
				     .values = { run->mode->values[0], run->mode->values[1] },
				     .time_ns = run->began_realtime +
						(int64_t)(from - live_started(run->live)),
				     .duration_ns = to - from,
				     .period = live_period(run->live),
				     .command = strbuf_str(&run->command),
				     .quality = c->quality };
	struct strbuf host = STRBUF_INIT, watched = STRBUF_INIT;
	uint64_t began;
	struct utsname u;
	int r;

	if (run->functions && !function_words_timed(run->functions)) {
		info.values[0] = run->mode->values[1];
		info.values[1] = (struct value_type){ "", "" };
	}
	if (!uname(&u))
		strbuf_addf(&host, "%s, Linux %s %s", u.nodename, u.release, u.machine);
	info.host = strbuf_str(&host);
	if (!c->nr_samples)
		live_watched(run->live, &watched);
	info.watched = strbuf_str(&watched);
	began = now_ns();
	r = naming_profile(run->naming, &info, ret);
	if (r >= 0)
		r = frames_apply(&run->settings.frames, ret);
	log_verbose("named in %.1f ms", (double)(now_ns() - began) / 1e6);
	strbuf_done(&host);
	strbuf_done(&watched);
	return r;
}

/*
 * Those who are meant were named, and nothing of them could be probed: that is no measurement. Who
 * measures all that runs waits for what may come.
 */
static bool is_refused(const struct run *run)
{
	const struct filter *f = &run->settings.live.filter;

	return (run->settings.program || f->nr_pids || f->nr_tids) && live_refused(run->live);
}

/* What was found to be probed, and what could not be. `but_one`: the last is said elsewhere. */
static void say_notes(struct run *run, bool but_one)
{
	const char *note;

	while ((note = live_note(run->live, run->nr_notes))) {
		if (but_one && !live_note(run->live, run->nr_notes + 1))
			return;
		log_warn("%s", note);
		run->nr_notes++;
	}
}

static int say_refused(struct run *run, struct strbuf *error)
{
	const char *why = live_note(run->live, run->nr_notes);

	strbuf_addf(error, "%s: nothing was measured: %s", run->mode->name,
		    why ? why : "what was found can't be probed");
	run->refused = true;
	return -ENOTSUP;
}

/* Reports for people and the JSON object say themselves what was watched. */
static void say_nothing(const struct run *run, const struct profile *p, bool last)
{
	const char *watched = profile_facts(p)->watched;

	if (*watched && run->settings.output.format)
		log_warn("%s: nothing was seen: %s", run->mode->name, watched);
	else if (!*watched && last && !run->nr_notes && !is_refused(run) &&
		 live_found_nothing(run->live))
		log_warn("%s: nothing to measure was found in %s", run->mode->name,
			 run->settings.live.filter.nr_pids ? "these processes"
			 : run->settings.program	   ? "the program"
							   : "what was running");
}

/* The report of what was measured since the last one. */
static int report(struct run *run, bool last, struct strbuf *error)
{
	uint64_t to = last ? live_stopped(run->live) : run->drained;
	_cleanup_(profile_freep) struct profile *p = NULL;
	int r;

	log_progress("%s", "");
	say_notes(run, last && is_refused(run));
	r = make_profile(run, run->interval_began, to, &p);
	if (r < 0)
		return r;
	say_nothing(run, p, last);
	run->interval_began = to;
	if (run->memory_limited)
		log_warn(
			"--max-memory: names, lines or inlined calls of large files were left out");
	if (!run->settings.interval_ns)
		return output_write(&run->settings.output, p, &run->settings.view,
				    run->settings.view_name, error);
	capture_restart(live_capture(run->live));
	r = output_report(&run->settings.output, p, &run->settings.view, run->settings.view_name,
			  error);
	run->unread = r > 0;
	if (r < 0 || !run->settings.output.nr)
		return r;
	r = run->total ? profile_merge(run->total, p, 1) : 0;
	if (!run->total) {
		run->total = p;
		p = NULL;
	}
	return r < 0 || !last ? r : output_files(&run->settings.output, run->total, error);
}

static void show_progress(const struct run *run, uint64_t now)
{
	uint64_t spent = now - live_started(run->live), limit = run->settings.duration_ns;
	const struct capture *c = live_capture(run->live);
	struct strbuf line = STRBUF_INIT;

	strbuf_addf(&line, "%s: %.1f s", run->mode->name, (double)spent / 1e9);
	if (limit)
		strbuf_addf(&line, " of %.1f s", (double)limit / 1e9);
	strbuf_adds(&line, ", ");
	format_count(c->quality.n[QUALITY_EVENTS], &line);
	strbuf_adds(&line, " events (Ctrl-C ends it with the report)");
	log_progress("%s", strbuf_str(&line));
	strbuf_done(&line);
}

/* Milliseconds until something is due at the latest, at least 1. */
static int next_wait_ms(const struct run *run, uint64_t now)
{
	uint64_t due = run->drained + DRAIN_MS * 1000000ull, end;

	end = live_started(run->live) + run->settings.duration_ns;
	if (run->settings.duration_ns && end < due)
		due = end;
	end = run->interval_began + run->settings.interval_ns;
	if (run->settings.interval_ns && end < due)
		due = end;
	return due > now ? (int)((due - now + 999999) / 1000000) : 1;
}

static bool is_over(struct run *run, uint64_t now)
{
	uint64_t duration = run->settings.duration_ns;

	/* Files are still wanted when the reports no longer are. */
	if (run->unread && !run->settings.output.nr)
		return true;
	if (stop_signal || (duration && now - live_started(run->live) >= duration))
		return true;
	if (!run->settings.program)
		return live_targets_gone(run->live);
	/* What else was named may run for ever. */
	return program_ended(&run->program) &&
	       (run->settings.live.filter.nr_pids || live_targets_gone(run->live));
}

static int measure(struct run *run, struct strbuf *error)
{
	uint64_t interval = run->settings.interval_ns;

	run->interval_began = run->drained = live_started(run->live);
	for (;;) {
		uint64_t now = now_ns();
		int r;

		if (is_over(run, now))
			return 0;
		r = live_poll(run->live, next_wait_ms(run, now));
		if (r == -EINTR)
			continue;
		if (r >= 0 && next_wait_ms(run, now_ns()) > 1)
			continue;
		if (r >= 0)
			r = drain(run);
		if (r < 0)
			return r;
		/* The last interval's report is the one after the end. */
		now = run->drained;
		if (interval && now - run->interval_began >= interval && !is_over(run, now)) {
			r = report(run, false, error);
			if (r < 0)
				return r;
		}
		show_progress(run, now);
	}
}

static int open_all(struct run *run, struct strbuf *error)
{
	struct symbolizer_settings names = { .no_inline = run->settings.no_inline,
					     .internals = run->settings.view.verbose,
					     .at_tracepoint = run->mode->at_tracepoint,
					     .ret_limited = &run->memory_limited };
	int r = live_open(&run->live, run->mode, &run->settings.live, error);

	if (r < 0)
		return r;
	live_listen(run->live, show_event, run);
	names.max_memory = live_naming_memory(run->live);
	r = naming_new(&run->naming, run->mode, live_capture(run->live), &names);
	if (r >= 0 && run->settings.program) {
		r = program_start(&run->program, run->settings.program);
		if (r >= 0)
			r = live_add_pid(run->live, (uint32_t)run->program.pid);
	}
	return r;
}

static int expect_file(void *ctx, const char *path)
{
	return live_expect_file(ctx, path);
}

static int start_all(struct run *run, struct strbuf *error)
{
	int r = live_start(run->live, error);

	if (r >= 0 && run->functions)
		r = function_words_each_file(run->functions, expect_file, run->live);

	run->began_realtime = (int64_t)now_of(CLOCK_REALTIME) -
			      (int64_t)(now_ns() - live_started(run->live));
	/* Told to end before it began: then nothing is started either. */
	if (r < 0 || stop_signal) {
		program_abandon(&run->program);
		return r;
	}
	run->events = (struct events){ .settings = &run->settings,
				       .mode = run->mode,
				       .naming = run->naming,
				       .capture = live_capture(run->live),
				       .realtime = run->began_realtime -
						   (int64_t)live_started(run->live) };
	if (!run->settings.program)
		return 0;
	r = live_expect(run->live, run->settings.program[0]);
	return r < 0 ? r : program_go(&run->program, run->settings.program, error);
}

static int run_all(struct run *run, struct strbuf *error)
{
	int r = open_all(run, error);

	if (r >= 0)
		r = start_all(run, error);
	if (r < 0)
		return r;
	log_verbose("measuring since %.1f ms after start",
		    (double)(live_started(run->live) - run->opened) / 1e6);
	r = measure(run, error);
	live_stop(run->live);
	if (r >= 0)
		r = drain(run);
	if (r >= 0)
		r = report(run, true, error);
	if (r >= 0 && is_refused(run))
		r = say_refused(run, error);
	log_verbose("finished %.1f ms after the end",
		    (double)(now_ns() - live_stopped(run->live)) / 1e6);
	return r;
}

static void note_command(struct run *run, int argc, char **argv)
{
	strbuf_adds(&run->command, "bpfprof");
	for (int i = 0; i < argc; i++) {
		strbuf_addch(&run->command, ' ');
		strbuf_add_escaped(&run->command, argv[i]);
	}
}

/* What is wrong with what is to be measured is found before measuring is tried. */
static int find_functions(struct run *run, struct strbuf *error)
{
	struct measure_settings *m = &run->settings;
	const struct function_words_settings s = { .words = m->operands,
						   .nr = m->nr_operands,
						   .filter = &m->live.filter,
						   .program = m->program ? m->program[0] : NULL,
						   .time_all = m->live.mode.time_all };
	int r;

	if (!run->mode->operands)
		return 0;
	if (m->live.mode.python) {
		m->live.finder = &python_calls_finder;
		return python_calls_check(&m->live.filter, error);
	}
	r = function_words_new(&run->functions, &s, error);
	if (r >= 0)
		m->live.finder = function_words_finder(run->functions);
	return r;
}

int run_mode(const struct mode *mode, int argc, char **argv)
{
	struct run run = { .mode = mode, .opened = now_ns() };
	struct strbuf error = STRBUF_INIT;
	int status, r = measure_parse(mode, argc, argv, &run.settings, &error);

	if (r >= 0)
		r = output_check(&run.settings.output, &error);
	if (r >= 0)
		r = find_functions(&run, &error);
	if (r >= 0) {
		catch_signals();
		live_log_libbpf();
		note_command(&run, argc, argv);
		r = run_all(&run, &error);
		/* The command line was right: whatever this is, it is no usage error. */
		r = r == -EINVAL ? -EIO : r;
	}
	status = r < 0 ? cmd_fail(mode->name, r, &error) : EXIT_OK;
	/* A program that still runs because the time is over is waited for, unless we were told to
	 * end. */
	if ((r >= 0 || run.refused) && run.settings.program && !stop_signal) {
		int ended = program_wait(&run.program);

		status = run.refused ? status : ended;
	}
	profile_free(run.total);
	naming_free(run.naming);
	live_free(run.live);
	function_words_free(run.functions);
	measure_done(&run.settings);
	strbuf_done(&run.command);
	strbuf_done(&error);
	return status;
}
