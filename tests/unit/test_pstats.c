// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "synthetic.h"

#include "export/marshal.h"
#include "export/pstats.h"

static const struct profile_info calls_info = {
	.mode = "calls",
	.values = { { "latency", "nanoseconds" }, { "calls", "count" } },
};

static void checked(FILE *f, char **buf, const size_t *size, const char *want, size_t want_size)
{
	fflush(f);
	assert_int_equal(*size, want_size);
	assert_memory_equal(*buf, want, want_size);
	rewind(f);
}

#define CHECK(call, want)                                        \
	do {                                                     \
		call;                                            \
		checked(f, &buf, &size, want, sizeof(want) - 1); \
	} while (0)

static void bytes_of_marshal(void **state)
{
	char *buf = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&buf, &size);

	(void)state;
	assert_non_null(f);
	CHECK(marshal_float(f, 1.5), "g\0\0\0\0\0\0\xf8\x3f");
	CHECK(marshal_int(f, 0), "i\0\0\0\0");
	CHECK(marshal_int(f, 0x12345678), "i\x78\x56\x34\x12");
	CHECK(marshal_int(f, INT32_MAX), "i\xff\xff\xff\x7f");
	/* Digits of 15 bits, the last of which is not 0. */
	CHECK(marshal_int(f, 1ull << 31), "l\3\0\0\0\0\0\0\0\2\0");
	CHECK(marshal_int(f, (1ull << 45) - 1), "l\3\0\0\0\xff\x7f\xff\x7f\xff\x7f");
	CHECK(marshal_int(f, 1ull << 45), "l\4\0\0\0\0\0\0\0\0\0\1\0");
	CHECK(marshal_int(f, UINT64_MAX), "l\5\0\0\0\xff\x7f\xff\x7f\xff\x7f\xff\x7f\xf\0");
	CHECK(marshal_text(f, "a\303\251", 3), "u\3\0\0\0a\303\251");
	CHECK(marshal_text(f, "", 0), "u\0\0\0\0");
	CHECK(marshal_tuple(f, 5), "(\5\0\0\0");
	CHECK(marshal_dict(f), "{");
	CHECK(marshal_dict_end(f), "0");
	fclose(f);
	free(buf);
}

static const struct pstats_function *find(const struct pstats *s, const char *file, uint32_t line,
					  const char *name)
{
	for (uint32_t i = 0; i < s->nr_functions; i++) {
		const struct pstats_function *f = &s->functions[i];

		if (f->line == line && !strcmp(f->file, file) && !strcmp(f->name, name))
			return f;
	}
	fail_msg("no function %s:%u(%s)", file, line, name);
	return NULL;
}

static void check_cost(const struct pstats_cost *c, uint64_t primitive, uint64_t calls,
		       uint64_t self, uint64_t total)
{
	assert_int_equal(c->primitive, primitive);
	assert_int_equal(c->calls, calls);
	assert_int_equal(c->self, self);
	assert_int_equal(c->total, total);
}

static const struct pstats_cost *pair(const struct pstats *s, const struct pstats_function *f,
				      const struct pstats_function *caller)
{
	for (uint32_t i = 0; i < s->nr_pairs; i++)
		if (&s->functions[s->pairs[i].function] == f &&
		    &s->functions[s->pairs[i].caller] == caller)
			return &s->pairs[i].cost;
	fail_msg("%s isn't called by %s", f->name, caller->name);
	return NULL;
}

static struct pstats summed(const struct profile *p)
{
	struct pstats s;

	assert_int_equal(pstats_init(&s, p), 0);
	return s;
}

/* a b a b a c: functions and pairs that recur in a stack count it once; two stacks, two threads. */
static void samples_once_a_stack(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t a = interpreted(p, "a", "x.py", 1, 2), a2 = interpreted(p, "a", "x.py", 1, 3);
	uint32_t b = interpreted(p, "b", "x.py", 5, 6), c = interpreted(p, "c", "x.py", 9, 9);
	const struct pstats_function *fa, *fb, *fc;
	struct pstats s;

	(void)state;
	sample(p, stack_of(p, a, b, a2, b, a, c), who(p, 1, 1, "x"), 3, 30);
	sample(p, stack_of(p, a, b, a2, b, a, c), who(p, 1, 2, "y"), 1, 10);
	sample(p, stack_of(p, b, c), who(p, 1, 1, "x"), 5, 50);
	s = summed(p);
	assert_true(s.is_time);
	assert_int_equal(s.nr_functions, 4);
	assert_int_equal(s.nr_pairs, 4);
	fa = find(&s, "x.py", 1, "a");
	fb = find(&s, "x.py", 5, "b");
	fc = find(&s, "x.py", 9, "c");
	check_cost(&fa->cost, 4, 4, 40, 40);
	check_cost(&fb->cost, 9, 9, 50, 90);
	check_cost(&fc->cost, 9, 9, 0, 90);
	check_cost(pair(&s, fa, fb), 4, 4, 40, 40);
	check_cost(pair(&s, fb, fa), 4, 4, 0, 40);
	check_cost(pair(&s, fa, fc), 4, 4, 0, 40);
	check_cost(pair(&s, fb, fc), 5, 5, 50, 50);
	check_cost(&find(&s, "~", 0, "<bpfprof cpu: ncalls are samples>")->cost, 0, 0, 0, 0);
	pstats_done(&s);
	profile_free(p);
}

static void add(struct profile *p, uint32_t stack, const char *label, const char *value,
		uint64_t count, uint64_t total)
{
	struct sample s = { .stack = stack,
			    .who = who(p, 1, 1, "x"),
			    .labels = labels(p, (const char *[]){ label, value, NULL }),
			    .bucket = BUCKET_NONE,
			    .count = count,
			    .total = total };

	assert_int_equal(profile_add(p, &s), 0);
}

/* b calls itself; its caller a has not ended, and is but known to be there. */
static void calls_as_cprofile_sums_them(void **state)
{
	struct profile *p = new_profile(&calls_info);
	uint32_t a = interpreted(p, "a", "x.py", 1, 2), b = interpreted(p, "b", "x.py", 5, 6);
	uint32_t mark = frame(p, FRAME_MARK, "[stack lost]", 0, 0, "", 0);
	const struct pstats_function *fa, *fb;
	struct pstats s;

	(void)state;
	add(p, stack_of(p, b, a), "sum", "self", 2, 20);
	add(p, stack_of(p, b, b), "sum", "self", 4, 40);
	add(p, stack_of(p, b, mark), "sum", "self", 1, 7);
	add(p, stack_of(p, b, a), "sum", "by-caller", 2, 60);
	add(p, stack_of(p, b, b), "sum", "by-caller", 3, 38);
	add(p, stack_of(p, b, mark), "sum", "by-caller", 1, 7);
	add(p, stack_of(p, b), "sum", "cumulative", 3, 67);
	s = summed(p);
	/* A mark is no caller. */
	assert_int_equal(s.nr_functions, 3);
	assert_int_equal(s.nr_pairs, 2);
	fa = find(&s, "x.py", 1, "a");
	fb = find(&s, "x.py", 5, "b");
	check_cost(&fa->cost, 0, 0, 0, 60);
	check_cost(&fb->cost, 3, 7, 67, 67);
	check_cost(pair(&s, fb, fa), 2, 2, 20, 60);
	check_cost(pair(&s, fb, fb), 3, 4, 40, 38);
	find(&s, "~", 0, "<bpfprof calls: 0 calls: not seen to return, cumtime of callees>");
	pstats_done(&s);
	profile_free(p);
}

static void calls_of_native_code(void **state)
{
	struct profile *p = new_profile(&calls_info);
	uint32_t libc = mapping(p, "/lib/libc.so.6", "");
	uint32_t f = frame(p, FRAME_NATIVE, "malloc", libc, 1, "malloc.c", 3);
	uint32_t main_frame = frame(p, FRAME_NATIVE, "main", 0, 2, "", 0);
	uint32_t start = frame(p, FRAME_NATIVE, "_start", 0, 3, "", 0);
	const struct pstats_function *called;
	struct pstats s;

	(void)state;
	add(p, stack_of(p, f, main_frame, start), "function", "malloc", 5, 50);
	s = summed(p);
	called = find(&s, "/lib/libc.so.6", 0, "malloc");
	check_cost(&called->cost, 5, 5, 50, 50);
	check_cost(pair(&s, called, find(&s, "~", 0, "<main>")), 5, 5, 50, 50);
	check_cost(&find(&s, "~", 0, "<main>")->cost, 0, 0, 0, 50);
	find(&s, "~", 0, "<bpfprof calls: tottime is that of whole calls>");
	assert_int_equal(s.nr_functions, 4);
	pstats_done(&s);
	profile_free(p);
}

/* Another program's value can be called so, and has none of our labels. */
static void calls_of_others_are_samples(void **state)
{
	struct profile *p = new_profile(&calls_info);
	uint32_t a = interpreted(p, "a", "x.py", 1, 2), b = interpreted(p, "b", "x.py", 5, 6);
	struct pstats s;

	(void)state;
	sample(p, stack_of(p, a, b), who(p, 1, 1, "x"), 3, 30);
	s = summed(p);
	check_cost(&find(&s, "x.py", 5, "b")->cost, 3, 3, 0, 30);
	pstats_done(&s);
	profile_free(p);
}

/* Text in files is valid UTF-8 and shows on one line; what then looks the same is the same. */
static void names_are_escaped(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t w = who(p, 1, 1, "x");
	struct pstats s;

	(void)state;
	sample(p, stack_of(p, interpreted(p, "a\377\n", "\300\200.py", UINT32_MAX, 1)), w, 1, 1);
	sample(p, stack_of(p, interpreted(p, "a\\xff\\x0a", "\\xc0\\x80.py", UINT32_MAX, 1)), w, 1,
	       1);
	sample(p, stack_of(p, interpreted(p, "/script>", "", 0, 1)), w, 1, 1);
	sample(p, stack_of(p, interpreted(p, "", "", 0, 0)), w, 1, 1);
	sample(p, stack_of(p, interpreted(p, "<!-- \355\240\200", "", 7, 7)), w, 1, 1);
	sample(p, stack_of(p, frame(p, FRAME_NATIVE, "", 0, 0x10, "", 0)), w, 1, 1);
	sample(p, 0, w, 1, 1);
	s = summed(p);
	check_cost(&find(&s, "\\xc0\\x80.py", UINT32_MAX, "a\\xff\\x0a")->cost, 2, 2, 2, 2);
	find(&s, "~", 0, "\\x3c/script>>");
	find(&s, "~", 0, "<[interpreted]>");
	find(&s, "~", 7, "\\x3c!-- \\xed\\xa0\\x80");
	find(&s, "~", 0, "<[unknown+0x10]>");
	find(&s, "~", 0, "<no stack>");
	assert_int_equal(s.nr_functions, 7);
	pstats_done(&s);
	profile_free(p);
}

/* pstats refuses an empty dictionary. */
static void nothing_is_said(void **state)
{
	struct profile *p = new_profile(&calls_info);
	struct pstats s;

	(void)state;
	s = summed(p);
	assert_int_equal(s.nr_functions, 1);
	pstats_done(&s);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_marshal),
		cmocka_unit_test(samples_once_a_stack),
		cmocka_unit_test(calls_as_cprofile_sums_them),
		cmocka_unit_test(calls_of_native_code),
		cmocka_unit_test(calls_of_others_are_samples),
		cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
