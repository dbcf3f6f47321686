// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/summary.h"

#include "synthetic.h"

static const struct function_sum *find(const struct profile *p, const struct function_sum *sums,
				       int nr, const char *name)
{
	const struct function_sum *found = NULL;

	for (int i = 0; i < nr; i++) {
		struct strbuf sb = STRBUF_INIT;

		profile_frame_name(p, sums[i].frame, &sb);
		if (!strcmp(strbuf_str(&sb), name)) {
			assert_null(found);
			found = &sums[i];
		}
		strbuf_done(&sb);
	}
	assert_non_null(found);
	return found;
}

static void functions_have_self_and_total(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t exe = mapping(p, "/bin/x", ""), w = who(p, 1, 1, "x"), v = who(p, 1, 2, "y");
	uint32_t main_ = frame(p, FRAME_NATIVE, "main", exe, 1, "x.c", 10);
	/* Two places of one function, which calls itself. */
	uint32_t f1 = frame(p, FRAME_NATIVE, "f", exe, 2, "x.c", 20);
	uint32_t f2 = frame(p, FRAME_NATIVE, "f", exe, 3, "x.c", 21);
	uint32_t kernel = frame(p, FRAME_KERNEL, "f", 0, 4, "", 0);
	uint32_t u1 = frame(p, FRAME_NATIVE, "", exe, 5, "", 0);
	uint32_t u2 = frame(p, FRAME_NATIVE, "", exe, 6, "", 0);
	_cleanup_free_ struct function_sum *sums = NULL;
	const struct function_sum *f;
	int nr;

	(void)state;
	sample(p, stack_of(p, f1, f2, f1, main_), w, 10, 1000);
	sample(p, stack_of(p, f2, main_), v, 5, 500);
	sample(p, stack_of(p, kernel, f1, main_), w, 3, 300);
	sample(p, stack_of(p, u1, main_), w, 2, 200);
	sample(p, stack_of(p, u2, main_), w, 1, 100);
	sample(p, 0, w, 50, 5000);
	frame(p, FRAME_NATIVE, "never sampled", exe, 7, "", 0);
	nr = summary_functions(p, &sums);
	assert_int_equal(nr, 5);
	assert_int_equal(sums[0].self[0], 15);
	assert_int_equal(sums[0].self[1], 1500);
	assert_int_equal(sums[0].total[0], 18);
	assert_int_equal(sums[1].self[0], 3);
	assert_int_equal(sums[1].frame, kernel);
	assert_int_equal(sums[2].frame, u1);
	assert_int_equal(sums[3].frame, u2);
	f = find(p, sums, nr, "main");
	assert_int_equal(f->self[0], 0);
	assert_int_equal(f->total[0], 21);
	assert_int_equal(f->total[1], 2100);
	profile_free(p);
}

static void an_empty_profile_has_no_rows(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	struct function_sum *functions = NULL;
	struct process_sum *processes = NULL;
	struct label_sum *rows = NULL;

	(void)state;
	assert_int_equal(summary_functions(p, &functions), 0);
	assert_int_equal(summary_processes(p, &processes), 0);
	assert_int_equal(summary_labels(p, NULL, &rows), 0);
	free(functions);
	free(processes);
	summary_labels_free(rows, 0);
	profile_free(p);
}

static struct profile *make_io(void)
{
	struct profile *p = new_profile(&io_info);
	uint32_t w = who(p, 1, 1, "fio");
	uint32_t vda_read = labels(p, (const char *[]){ "device", "vda", "op", "read", NULL });
	uint32_t vda_write = labels(p, (const char *[]){ "device", "vda", "op", "write", NULL });
	uint32_t vdb_read = labels(p, (const char *[]){ "device", "vdb", "op", "read", NULL });

	for (uint64_t i = 0; i < 100; i++)
		latency(p, 0, w, vda_read, 1000 + i);
	for (uint64_t i = 0; i < 10; i++)
		latency(p, 0, w, vda_write, 1000000 + i);
	latency(p, 0, who(p, 2, 2, "dd"), vdb_read, 7);
	return p;
}

static void labels_tell_rows_apart(void **state)
{
	struct profile *p = make_io();
	struct label_sum *rows = NULL;
	int nr = summary_labels(p, NULL, &rows);

	(void)state;
	assert_int_equal(nr, 3);
	assert_int_equal(rows[0].count, 10);
	assert_int_equal(rows[0].total, 10000045);
	assert_int_equal(rows[1].count, 100);
	assert_int_equal(rows[1].hist->min, 1000);
	assert_int_equal(rows[1].hist->max, 1099);
	assert_int_equal(rows[1].hist->count, 100);
	assert_int_equal(rows[2].total, 7);
	summary_labels_free(rows, nr);
	profile_free(p);
}

static void labels_are_grouped_by_one(void **state)
{
	struct profile *p = make_io();
	struct label_sum *rows = NULL;
	int nr = summary_labels(p, "device", &rows);
	struct label_set set;

	(void)state;
	assert_int_equal(nr, 2);
	assert_int_equal(rows[0].count, 110);
	assert_int_equal(rows[0].hist->min, 1000);
	assert_int_equal(rows[0].hist->max, 1000009);
	set = profile_labels_at(p, rows[0].labels);
	assert_int_equal(set.nr, 1);
	assert_string_equal(profile_string_at(p, set.labels[0].value), "vda");
	summary_labels_free(rows, nr);
	nr = summary_labels(p, "no such label", &rows);
	assert_int_equal(nr, 1);
	assert_int_equal(rows[0].labels, 0);
	assert_int_equal(rows[0].count, 111);
	summary_labels_free(rows, nr);
	profile_free(p);
}

static void rows_without_buckets_have_no_histogram(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	struct label_sum *rows = NULL;

	(void)state;
	sample(p, 0, who(p, 1, 1, "a"), 2, 20);
	assert_int_equal(summary_labels(p, NULL, &rows), 1);
	assert_null(rows[0].hist);
	assert_int_equal(rows[0].count, 2);
	summary_labels_free(rows, 1);
	profile_free(p);
}

static void processes_are_pid_and_name(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	struct process_sum *rows = NULL;

	(void)state;
	sample(p, 0, who(p, 1, 1, "a"), 2, 20);
	sample(p, 0, who(p, 1, 2, "a"), 3, 30);
	sample(p, 0, who(p, 1, 3, "b"), 4, 40);
	sample(p, 0, who(p, 2, 4, "a"), 4, 41);
	who(p, 9, 9, "idle");
	assert_int_equal(summary_processes(p, &rows), 3);
	assert_int_equal(rows[0].value[0], 5);
	assert_int_equal(rows[0].value[1], 50);
	assert_int_equal(profile_who_at(p, rows[1].who)->pid, 1);
	assert_string_equal(profile_string_at(p, profile_who_at(p, rows[1].who)->comm), "b");
	assert_int_equal(rows[2].value[1], 41);
	free(rows);
	profile_free(p);
}

/* Two __init__ of a file are two functions; two lines of one are one, unless asked for. */
static void interpreted_functions_have_places(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t w = who(p, 1, 1, "py");
	uint32_t a1 = interpreted(p, "__init__", "a.py", 10, 11);
	uint32_t a2 = interpreted(p, "__init__", "a.py", 10, 12);
	uint32_t other = interpreted(p, "__init__", "a.py", 20, 21);
	uint32_t file = interpreted(p, "__init__", "b.py", 10, 11);
	struct function_sum *sums = NULL;

	(void)state;
	sample(p, stack_of(p, a1, a2), w, 1, 1);
	sample(p, stack_of(p, a2), w, 2, 2);
	sample(p, stack_of(p, other, a1), w, 4, 4);
	sample(p, stack_of(p, file), w, 8, 8);
	assert_int_equal(summary_functions(p, &sums), 3);
	assert_int_equal(find(p, sums, 3, "__init__ (a.py:10)")->self[0], 3);
	assert_int_equal(find(p, sums, 3, "__init__ (a.py:10)")->total[0], 7);
	assert_int_equal(find(p, sums, 3, "__init__ (a.py:20)")->total[0], 4);
	assert_int_equal(find(p, sums, 3, "__init__ (b.py:10)")->total[0], 8);
	free(sums);
	profile_split_lines(p, true);
	assert_int_equal(summary_functions(p, &sums), 4);
	assert_int_equal(find(p, sums, 4, "__init__ (a.py:11)")->self[0], 1);
	assert_int_equal(find(p, sums, 4, "__init__ (a.py:11)")->total[0], 5);
	assert_int_equal(find(p, sums, 4, "__init__ (a.py:12)")->total[0], 3);
	free(sums);
	profile_free(p);
}

static void sources_have_lines(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t w = who(p, 1, 1, "py"), v = who(p, 2, 2, "py");
	uint32_t a3 = interpreted(p, "f", "a.py", 1, 3), a4 = interpreted(p, "f", "a.py", 1, 4);
	uint32_t g3 = interpreted(p, "g", "a.py", 2, 3); /* a lambda: two functions, one line */
	uint32_t b9 = interpreted(p, "h", "b.py", 8, 9),
		 unknown = interpreted(p, "f", "a.py", 1, 0);
	uint32_t c = frame(p, FRAME_NATIVE, "sum", 0, 1, "a.py", 3);
	uint32_t jit = frame(p, FRAME_JIT, "x", 0, 2, "", 0);
	uint32_t in = frame(p, FRAME_INLINED, "x", 0, 3, "", 0);
	uint32_t k = frame(p, FRAME_KERNEL, "read", 0, 4, "", 0);
	uint32_t mark = frame(p, FRAME_MARK, "[lost]", 0, 0, "", 0);
	struct source_sum sum;

	(void)state;
	sample(p, stack_of(p, a3, a3, a4, a3), w, 1, 1);
	sample(p, stack_of(p, a3, a3, a4, a3), v, 1, 1);
	sample(p, stack_of(p, c, b9, a4), w, 4, 1);
	sample(p, stack_of(p, in, c, g3, b9), w, 8, 1);
	sample(p, stack_of(p, k, c, a4), w, 16, 1);
	sample(p, stack_of(p, jit, unknown, a4), w, 32, 1);
	sample(p, stack_of(p, mark, a4), w, 64, 1);
	sample(p, stack_of(p, b9), w, 128, 1);
	sample(p, stack_of(p, c), w, 256, 1);
	sample(p, 0, w, 512, 1);
	assert_int_equal(summary_source(p, text(p, "a.py"), &sum), 0);
	assert_int_equal(sum.nr, 3);
	assert_int_equal(sum.total, 2 + 4 + 8 + 16 + 32 + 64);
	assert_int_equal(sum.self, 2 + 8 + 16 + 32 + 64);
	assert_int_equal(sum.lines[0].line, 0);
	assert_int_equal(sum.lines[0].self, 32);
	assert_int_equal(sum.lines[0].total, 32);
	assert_int_equal(sum.lines[0].leaf[LEAF_NATIVE], 32);
	assert_int_equal(sum.lines[1].line, 3);
	assert_int_equal(sum.lines[1].self, 2 + 8);
	assert_int_equal(sum.lines[1].total, 2 + 8);
	assert_int_equal(sum.lines[1].leaf[LEAF_INTERPRETED], 2);
	assert_int_equal(sum.lines[1].leaf[LEAF_NATIVE], 8);
	assert_int_equal(sum.lines[2].line, 4);
	assert_int_equal(sum.lines[2].self, 16 + 64);
	assert_int_equal(sum.lines[2].total, 2 + 4 + 16 + 32 + 64);
	assert_int_equal(sum.lines[2].leaf[LEAF_INTERPRETED], 2);
	assert_int_equal(sum.lines[2].leaf[LEAF_NATIVE], 4 + 32);
	assert_int_equal(sum.lines[2].leaf[LEAF_KERNEL], 16);
	assert_int_equal(sum.lines[2].leaf[LEAF_OTHER], 64);
	summary_source_done(&sum);
	assert_int_equal(summary_source(p, text(p, "none.py"), &sum), 0);
	assert_int_equal(sum.nr, 0);
	summary_source_done(&sum);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_have_self_and_total),
		cmocka_unit_test(interpreted_functions_have_places),
		cmocka_unit_test(sources_have_lines),
		cmocka_unit_test(an_empty_profile_has_no_rows),
		cmocka_unit_test(labels_tell_rows_apart),
		cmocka_unit_test(labels_are_grouped_by_one),
		cmocka_unit_test(rows_without_buckets_have_no_histogram),
		cmocka_unit_test(processes_are_pid_and_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
