// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pauses summed up by process; times of processes, kept in files and added up. */
#include <unistd.h>

#include "synthetic.h"

#include "model/summary.h"
#include "pprof/pprof.h"
#include "view/view.h"

static const struct profile_info gc_info = {
	.mode = "gc",
	.values = { { "pause", "nanoseconds" }, { "collections", "count" } },
	.duration_ns = 10000000000,
	.host = "",
	.command = "",
};

#define LABELS(...) labels(p, (const char *[]){ __VA_ARGS__, NULL })
#define PYTHON(...) LABELS("runtime", "python", __VA_ARGS__)

static void add_time(struct profile *p, uint32_t pid, bool began, uint64_t wall, uint64_t cpu)
{
	assert_int_equal(profile_add_time(p, &(struct process_time){ .pid = pid,
								     .began = began,
								     .wall_ns = wall,
								     .cpu_ns = cpu }),
			 0);
}

/* What a view prints. */
static char *shown(struct profile *p, const struct view_settings *settings)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(view_pauses.show(p, NULL, settings, f), 0);
	fclose(f);
	return text;
}

/* Written to a file and read back. */
static struct profile *reread(struct profile *p)
{
	char path[] = "/tmp/bpfprof-pauses-XXXXXX";
	struct strbuf error = STRBUF_INIT;
	FILE *f = fdopen(mkstemp(path), "w");
	struct profile *back;

	assert_int_equal(pprof_write(p, f), 0);
	fclose(f);
	assert_int_equal(pprof_read(path, &back, &error), 0);
	unlink(path);
	return back;
}

/* Why nothing was seen is said, and kept in files. */
static void nothing_was_seen(void **state)
{
	struct view_settings settings = { .width = 60 };
	struct profile_info info = gc_info;
	struct profile *p = new_profile(&info), *back;
	char *text = shown(p, &settings);

	(void)state;
	assert_non_null(strstr(text, "\n  nothing was seen: no collections\n"));
	profile_free(p);
	free(text);
	info.watched = "watched Python 3.11 (3 processes), OpenJDK 17 (pid \x1b 812)";
	p = new_profile(&info);
	back = reread(p);
	text = shown(back, &settings);
	assert_non_null(strstr(text,
			       "\n  no collections: watched Python 3.11 (3 processes), OpenJDK\n"
			       "  17 (pid \\x1b 812)\n"));
	free(text);
	/* There is something to be seen after all. */
	latency(back, 0, who(back, 5, 5, "x"), 0, 100);
	text = shown(back, &settings);
	assert_null(strstr(text, "watched"));
	free(text);
	profile_free(back);
	profile_free(p);
}

/* Threads of a process are one, as are its tasks; the heaviest comes first. */
static void a_process_is_one(void **state)
{
	struct profile *p = new_profile(&gc_info);
	uint32_t old = PYTHON("generation", "2"), young = PYTHON("generation", "0");
	uint32_t task = PYTHON("generation", "0", "task", "t");
	struct hist *hist = malloc(sizeof(*hist));
	struct pauses s;

	(void)state;
	latency(p, 0, who(p, 5, 5, "small"), young, 100);
	latency(p, 0, who(p, 7, 8, "thread"), young, 1000);
	latency(p, 0, who(p, 7, 7, "main"), old, 5000);
	latency(p, 0, who(p, 7, 7, "main"), task, 3000);
	assert_true(summary_has_pauses(p));
	assert_int_equal(summary_pauses(p, NULL, &s), 0);
	assert_int_equal(s.nr_processes, 2);
	assert_int_equal(s.nr_sums, 3);
	assert_int_equal(s.processes[0].pid, 7);
	assert_string_equal(profile_string_at(p, profile_who_at(p, s.processes[0].who)->comm),
			    "main");
	assert_int_equal(s.processes[0].count, 3);
	assert_int_equal(s.processes[0].total, 9000);
	assert_int_equal(s.processes[0].first, 0);
	assert_int_equal(s.processes[0].nr, 2);
	assert_int_equal(s.sums[0].total, 5000);
	assert_int_equal(s.sums[1].total, 4000);
	assert_int_equal(s.sums[1].count, 2);
	assert_int_equal(s.sums[1].labels.nr, 2);
	assert_true(summary_pauses_hist(p, &s, &s.sums[1], hist));
	assert_int_equal(hist->count, 2);
	assert_int_equal(hist->min, 1000);
	assert_int_equal(hist->max, 3000);
	assert_int_equal(s.processes[1].first, 2);
	assert_int_equal(s.processes[1].nr, 1);
	assert_int_equal(s.sums[2].process, 1);
	assert_null(summary_pauses_time(p, &s.processes[0]));
	summary_pauses_done(&s);
	/* By one label, or by one that nobody has. */
	assert_int_equal(summary_pauses(p, "runtime", &s), 0);
	assert_int_equal(s.nr_sums, 2);
	assert_int_equal(s.sums[0].labels.nr, 1);
	summary_pauses_done(&s);
	assert_int_equal(summary_pauses(p, "nothing", &s), 0);
	assert_int_equal(s.nr_sums, 2);
	assert_int_equal(s.sums[0].labels.nr, 0);
	summary_pauses_done(&s);
	free(hist);
	profile_free(p);
}

static void nothing_is_no_pause(void **state)
{
	struct profile *p = new_profile(&gc_info);
	const struct view_settings wide = { .width = 80, .utf8 = true };
	struct hist *hist = malloc(sizeof(*hist));
	struct pauses s;
	char *text;

	(void)state;
	assert_false(summary_has_pauses(p));
	assert_int_equal(summary_pauses(p, NULL, &s), 0);
	assert_int_equal(s.nr_processes, 0);
	summary_pauses_done(&s);
	text = shown(p, &wide);
	assert_non_null(strstr(text, "no collections"));
	free(text);
	/* Samples of another mode have no distribution. */
	sample(p, 0, who(p, 1, 1, "x"), 2, 300);
	assert_int_equal(summary_pauses(p, NULL, &s), 0);
	assert_int_equal(s.nr_sums, 1);
	assert_false(summary_pauses_hist(p, &s, &s.sums[0], hist));
	summary_pauses_done(&s);
	text = shown(p, &wide);
	assert_non_null(strstr(text, "300 ns in 2 collections"));
	free(text);
	free(hist);
	profile_free(p);
}

static void shares_stand_where_they_are_known(void **state)
{
	const struct view_settings wide = { .width = 120, .utf8 = true },
				   one = { .width = 120, .rows = 1 };
	struct profile *p = new_profile(&gc_info);
	uint32_t young = PYTHON("generation", "0");
	char *text;

	(void)state;
	latency(p, 0, who(p, 1, 1, "known"), young, 4000000);
	latency(p, 0, who(p, 2, 2, "wall"), young, 3000000);
	latency(p, 0, who(p, 3, 3, "neither"), young, 2000000);
	latency(p, 0, who(p, 4, 4, "nought"), young, 1000000);
	add_time(p, 1, false, 10000000, 8000000);
	add_time(p, 2, false, 10000000, TIME_UNKNOWN);
	add_time(p, 4, false, 0, 0);
	text = shown(p, &wide);
	assert_non_null(strstr(text, "4.00 ms in 1 collection, 40.0 % of the 10.0 ms it was "
				     "measured, 50.0 % of its 8.00 ms of CPU time\n"));
	assert_non_null(strstr(text, "3.00 ms in 1 collection, 30.0 % of the 10.0 ms it was "
				     "measured\n"));
	assert_non_null(strstr(text, "2.00 ms in 1 collection\n"));
	assert_non_null(strstr(text, "1.00 ms in 1 collection\n"));
	free(text);
	text = exported(p, "json", false, NULL);
	assert_non_null(strstr(text, "\"total_ns\": 4000000, \"wall_share\": 0.400000, "
				     "\"cpu_share\": 0.500000, \"min_ns\""));
	assert_non_null(
		strstr(text, "\"total_ns\": 3000000, \"wall_share\": 0.300000, \"min_ns\""));
	assert_non_null(strstr(text, "\"total_ns\": 2000000, \"min_ns\""));
	assert_non_null(strstr(text, "\"total_ns\": 1000000, \"min_ns\""));
	free(text);
	text = shown(p, &one);
	assert_non_null(strstr(text, "and 3 more processes: 6.00 ms in 3 collections\n"));
	free(text);
	profile_free(p);
}

/* Wall time in which the process waited for a CPU is no share of its CPU time. */
static void who_waits_has_no_share_of_cpu(void **state)
{
	const struct view_settings wide = { .width = 120, .utf8 = true };
	struct profile *p = new_profile(&gc_info);
	char *text;

	(void)state;
	latency(p, 0, who(p, 1, 1, "waits"), PYTHON("generation", "0"), 4000000);
	latency(p, 0, who(p, 1, 1, "waits"), PYTHON("generation", "1"), 1000000);
	add_time(p, 1, false, 10000000, 4500000);
	text = shown(p, &wide);
	assert_non_null(strstr(text, "more than its 4.50 ms of CPU time"));
	assert_null(strstr(text, "of CPU\n"));
	free(text);
	text = exported(p, "json", false, NULL);
	assert_non_null(strstr(text, "\"wall_share\": 0.400000, \"min_ns\""));
	assert_null(strstr(text, "cpu_share"));
	free(text);
	profile_free(p);
}

/* Two runtimes in one process: a column says which. Names that would hurt a terminal are escaped.
 */
static void a_process_may_have_two_runtimes(void **state)
{
	const struct view_settings wide = { .width = 120, .utf8 = true };
	struct profile *p = new_profile(&gc_info);
	uint32_t w = who(p, 1, 1, "\033[2Jx");
	char *text;

	(void)state;
	latency(p, 0, w, PYTHON("generation", "0"), 1000);
	latency(p, 0, w, LABELS("runtime", "hotspot", "kind", "\ayoung"), 2000);
	text = shown(p, &wide);
	assert_non_null(strstr(text, "  \\x1b[2Jx (1)\n"));
	assert_non_null(strstr(text, "  runtime  gen  kind "));
	assert_non_null(strstr(text, "  hotspot       \\x07young "));
	assert_non_null(strstr(text, "  python   0 "));
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\a'));
	free(text);
	profile_free(p);
}

static const struct process_time *time_of(const struct profile *p, uint32_t pid)
{
	return process_times_find(profile_times(p), pid);
}

static void unknown_times_stay_unknown(void **state)
{
	struct profile *p = new_profile(&gc_info);

	(void)state;
	add_time(p, 1, true, 5, 2);
	add_time(p, 1, false, 6, 3);
	assert_int_equal(time_of(p, 1)->wall_ns, 11);
	assert_int_equal(time_of(p, 1)->cpu_ns, 5);
	assert_true(time_of(p, 1)->began);
	add_time(p, 1, false, 1, TIME_UNKNOWN);
	add_time(p, 1, false, 1, 100);
	assert_true(time_of(p, 1)->cpu_ns == TIME_UNKNOWN);
	assert_int_equal(time_of(p, 1)->wall_ns, 13);
	add_time(p, 2, false, 1, UINT64_MAX - 1);
	add_time(p, 2, false, 1, UINT64_MAX - 1);
	assert_true(time_of(p, 2)->cpu_ns == TIME_UNKNOWN);
	assert_null(time_of(p, 3));
	profile_free(p);
}

static void intervals_add_up(void **state)
{
	struct profile *a = new_profile(&gc_info), *b = new_profile(&gc_info), *copy = NULL;

	(void)state;
	add_time(a, 1, false, 10000000000, 50);
	add_time(b, 1, false, 10000000000, 70);
	/* Ended in the first; began in the second; was there in both, but was not looked at. */
	add_time(a, 2, false, 3, 1);
	add_time(b, 3, true, 4, 2);
	add_time(b, 4, false, 10000000000, 9);
	assert_int_equal(profile_interpreted(b, &copy), 0);
	assert_int_equal(time_of(copy, 4)->cpu_ns, 9);
	assert_int_equal(time_of(copy, 4)->wall_ns, 10000000000);
	assert_int_equal(profile_merge(a, b, 1), 0);
	assert_int_equal(time_of(a, 1)->wall_ns, 20000000000);
	assert_int_equal(time_of(a, 1)->cpu_ns, 120);
	assert_int_equal(time_of(a, 2)->cpu_ns, 1);
	assert_int_equal(time_of(a, 3)->wall_ns, 4);
	assert_int_equal(time_of(a, 3)->cpu_ns, 2);
	assert_int_equal(time_of(a, 4)->wall_ns, 20000000000);
	assert_true(time_of(a, 4)->cpu_ns == TIME_UNKNOWN);
	profile_free(a);
	profile_free(b);
	profile_free(copy);
}

static void files_keep_times(void **state)
{
	struct profile *p = new_profile(&gc_info), *back = NULL;

	(void)state;
	add_time(p, 4294967295u, false, 10000000000, 50);
	add_time(p, 2, true, UINT64_MAX - 1, TIME_UNKNOWN);
	sample(p, 0, who(p, 2, 2, "x"), 1, 1);
	back = reread(p);
	assert_int_equal(profile_times(back)->pids.count, 2);
	assert_int_equal(time_of(back, 4294967295u)->wall_ns, 10000000000);
	assert_int_equal(time_of(back, 4294967295u)->cpu_ns, 50);
	assert_false(time_of(back, 4294967295u)->began);
	assert_true(time_of(back, 2)->wall_ns == UINT64_MAX - 1);
	assert_true(time_of(back, 2)->cpu_ns == TIME_UNKNOWN);
	assert_true(time_of(back, 2)->began);
	profile_free(p);
	profile_free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_was_seen),
		cmocka_unit_test(a_process_is_one),
		cmocka_unit_test(nothing_is_no_pause),
		cmocka_unit_test(shares_stand_where_they_are_known),
		cmocka_unit_test(who_waits_has_no_share_of_cpu),
		cmocka_unit_test(a_process_may_have_two_runtimes),
		cmocka_unit_test(unknown_times_stay_unknown),
		cmocka_unit_test(intervals_add_up),
		cmocka_unit_test(files_keep_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
