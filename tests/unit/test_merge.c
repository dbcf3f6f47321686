// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "synthetic.h"

/* `shift` unused strings and frames come first, so that ids of two profiles differ. */
static struct profile *make(unsigned shift, uint64_t count)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t lib, set, leaf, root, w;

	for (unsigned i = 0; i < shift; i++) {
		char name[24];

		snprintf(name, sizeof(name), "other %u", i);
		frame(p, FRAME_NATIVE, name, mapping(p, name, ""), i, name, i);
		who(p, i, i, name);
		stack_of(p, i);
		labels(p, (const char *[]){ name, "x", NULL });
	}
	lib = mapping(p, "/lib/x.so", "abcd");
	leaf = frame(p, FRAME_KERNEL, "leaf", lib, 16, "x.c", 3);
	root = frame(p, FRAME_NATIVE, "root", 0, 32, "", 0);
	w = who(p, 7, 8, "worker");
	set = labels(p, (const char *[]){ "cause", "disk", "state", "D", NULL });
	struct sample s = { .stack = stack_of(p, leaf, root),
			    .who = w,
			    .labels = set,
			    .bucket = 20,
			    .count = count,
			    .total = count * 20,
			    .min = 20,
			    .max = 20 };
	assert_int_equal(profile_add(p, &s), 0);
	profile_info(p)->quality.n[QUALITY_EVENTS] = count;
	return p;
}

static void ids_are_looked_up_again(void **state)
{
	struct profile *a = make(0, 3), *b = make(5, 4);
	const struct sample *s;
	char *folded;

	(void)state;
	assert_int_equal(profile_merge(a, b, 1), 0);
	assert_int_equal(profile_nr_samples(a), 1);
	s = profile_sample_at(a, 0);
	assert_int_equal(s->count, 7);
	assert_int_equal(s->total, 140);
	assert_int_equal(s->min, 20);
	assert_int_equal(profile_facts(a)->quality.n[QUALITY_EVENTS], 7);
	assert_int_equal(profile_facts(a)->duration_ns, 2 * cpu_info.duration_ns);
	folded = exported(a, "folded", false, NULL);
	assert_string_equal(folded, "worker;root;leaf_[k] 7\n");
	free(folded);
	/* The other way round, where the ids are not those of the source. */
	profile_free(a);
	a = make(0, 3);
	assert_int_equal(profile_merge(b, a, 1), 0);
	assert_int_equal(profile_nr_samples(b), 1);
	assert_int_equal(profile_sample_at(b, 0)->count, 7);
	profile_free(a);
	profile_free(b);
}

static void only_one_mode(void **state)
{
	struct profile *a = make(0, 3), *b = new_profile(&io_info);

	(void)state;
	assert_int_equal(profile_merge(a, b, 1), -EINVAL);
	profile_free(a);
	profile_free(b);
}

static void scaling_keeps_the_sum(void **state)
{
	struct profile *into = new_profile(&cpu_info), *from = new_profile(&cpu_info);
	uint64_t count = 0, total = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		sample(from, 0, who(from, i, i, "many small ones"), 1, 1000000001);
	assert_int_equal(profile_merge(into, from, 0.1), 0);
	for (uint32_t i = 0; i < profile_nr_samples(into); i++) {
		count += profile_sample_at(into, i)->count;
		total += profile_sample_at(into, i)->total;
	}
	assert_int_equal(count, 100);
	assert_int_equal(total, 100000000100);
	profile_free(into);
	profile_free(from);
}

static void large_totals_stay_exact(void **state)
{
	struct profile *into = new_profile(&cpu_info), *from = new_profile(&cpu_info);
	const uint64_t total = (1ull << 60) + 1;

	(void)state;
	sample(from, 0, who(from, 1, 1, "a"), 1, total);
	assert_int_equal(profile_merge(into, from, 1), 0);
	assert_true(profile_sample_at(into, 0)->total == total);
	profile_free(into);
	profile_free(from);
}

static void interpreted_frames_alone(void **state)
{
	struct profile *p = new_profile(&cpu_info), *reduced = NULL;
	uint32_t w = who(p, 7, 8, "py"), lib = mapping(p, "/lib/x.so", "");
	uint32_t k = frame(p, FRAME_KERNEL, "read", 0, 1, "", 0);
	uint32_t c = frame(p, FRAME_NATIVE, "sum", lib, 2, "", 0);
	uint32_t f = interpreted(p, "f", "a.py", 1, 2), g = interpreted(p, "g", "a.py", 5, 6);
	uint32_t m = frame(p, FRAME_MARK, "[some]", 0, 0, "", 0);
	char *folded;

	(void)state;
	sample(p, stack_of(p, k, c, f, c, g, c), w, 1, 10);
	sample(p, stack_of(p, f, g), w, 2, 20);
	sample(p, stack_of(p, k, c), w, 4, 40);
	/* What says that something is missing, where it is. */
	sample(p, stack_of(p, c, f, m, c, g), w, 5, 50);
	profile_info(p)->quality.n[QUALITY_EVENTS] = 7;
	assert_int_equal(profile_interpreted(p, &reduced), 0);
	folded = exported(reduced, "folded", false, NULL);
	assert_string_equal(folded, "py;g (a.py:5);[some];f (a.py:1) 5\npy;g (a.py:5);f (a.py:1) "
				    "3\npy;sum;read_[k] 4\n");
	assert_int_equal(profile_facts(reduced)->quality.n[QUALITY_EVENTS], 7);
	assert_int_equal(profile_facts(reduced)->duration_ns, cpu_info.duration_ns);
	assert_string_equal(profile_facts(reduced)->command, cpu_info.command);
	/* What was given is as it was. */
	assert_int_equal(profile_nr_samples(p), 4);
	free(folded);
	profile_free(p);
	profile_free(reduced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_looked_up_again),
		cmocka_unit_test(interpreted_frames_alone),
		cmocka_unit_test(only_one_mode),
		cmocka_unit_test(scaling_keeps_the_sum),
		cmocka_unit_test(large_totals_stay_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
