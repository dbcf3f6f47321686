// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "synthetic.h"

static void zero_ids_are_what_they_should_be(void **state)
{
	struct profile *p = new_profile(&cpu_info);

	(void)state;
	assert_string_equal(profile_string_at(p, 0), "");
	assert_int_equal(profile_stack_at(p, 0).nr, 0);
	assert_int_equal(profile_labels_at(p, 0).nr, 0);
	assert_string_equal(profile_facts(p)->mode, "cpu");
	assert_ptr_not_equal(profile_facts(p)->mode, cpu_info.mode);
	assert_int_equal(stack_n(p, 0, NULL), 0);
	assert_int_equal(labels(p, (const char *[]){ NULL }), 0);
	profile_free(p);
	profile_free(NULL);
}

static void equal_frames_are_one_whatever_lies_between_their_members(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	struct frame a, b;
	uint32_t x, y;

	(void)state;
	memset(&a, 0xff, sizeof(a));
	memset(&b, 0x55, sizeof(b));
	a.address = b.address = 1;
	a.mapping = b.mapping = 0;
	a.function = b.function = 0;
	a.file = b.file = 0;
	a.line = b.line = 3;
	a.first_line = b.first_line = 2;
	a.kind = b.kind = FRAME_JIT;
	assert_int_equal(profile_frame(p, &a, &x), 0);
	assert_int_equal(profile_frame(p, &b, &y), 0);
	assert_int_equal(x, y);
	assert_int_equal(profile_nr_frames(p), 1);
	profile_free(p);
}

static void samples_of_one_key_are_summed(void **state)
{
	struct profile *p = new_profile(&io_info);
	uint32_t w = who(p, 1, 2, "a");
	struct sample s = { .who = w, .bucket = 40, .count = 2, .total = 60, .min = 10, .max = 50 };

	(void)state;
	assert_int_equal(profile_add(p, &s), 0);
	s.min = 5, s.max = 20;
	assert_int_equal(profile_add(p, &s), 0);
	s.bucket = 41;
	assert_int_equal(profile_add(p, &s), 0);
	assert_int_equal(profile_nr_samples(p), 2);
	assert_int_equal(profile_sample_at(p, 0)->count, 4);
	assert_int_equal(profile_sample_at(p, 0)->total, 120);
	assert_int_equal(profile_sample_at(p, 0)->min, 5);
	assert_int_equal(profile_sample_at(p, 0)->max, 50);
	assert_int_equal(profile_value(p, profile_sample_at(p, 0), 0), 120);
	assert_int_equal(profile_value(p, profile_sample_at(p, 0), 1), 4);
	assert_true(profile_has_distribution(p));
	profile_free(p);
}

static void a_sum_without_a_count_is_kept(void **state)
{
	struct profile *p = new_profile(&io_info);

	(void)state;
	sample(p, 0, who(p, 1, 1, "a"), 0, 0);
	assert_int_equal(profile_nr_samples(p), 0);
	sample(p, 0, who(p, 1, 1, "a"), 0, 100);
	sample(p, 0, who(p, 1, 1, "a"), 0, 11);
	assert_int_equal(profile_nr_samples(p), 1);
	assert_int_equal(profile_sample_at(p, 0)->total, 111);
	assert_false(profile_has_distribution(p));
	profile_free(p);
}

static void check_name(struct profile *p, uint32_t id, const char *want)
{
	struct strbuf sb = STRBUF_INIT;

	profile_frame_name(p, id, &sb);
	assert_string_equal(strbuf_str(&sb), want);
	strbuf_done(&sb);
}

static void frames_without_a_name_show_module_and_offset(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t lib = mapping(p, "/usr/lib/libx.so.1", ""), vdso = mapping(p, "[vdso]", "");
	uint32_t folder = mapping(p, "/odd/", ""), empty = mapping(p, "", "");

	(void)state;
	check_name(p, frame(p, FRAME_NATIVE, "f", lib, 1, "", 0), "f");
	check_name(p, frame(p, FRAME_NATIVE, "", lib, 0x1f, "", 0), "[libx.so.1+0x1f]");
	check_name(p, frame(p, FRAME_NATIVE, "", vdso, 0x20, "", 0), "[vdso+0x20]");
	check_name(p, frame(p, FRAME_NATIVE, "", 0, 0xffff, "", 0), "[unknown+0xffff]");
	check_name(p, frame(p, FRAME_NATIVE, "", folder, 1, "", 0), "[/odd/+0x1]");
	check_name(p, frame(p, FRAME_NATIVE, "", empty, 1, "", 0), "[+0x1]");
	profile_free(p);
}

static void strings_end_at_a_nul(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t a, b;

	(void)state;
	assert_int_equal(profile_string_n(p, "ab\0cd", 5, &a), 0);
	assert_int_equal(profile_string_n(p, "abcd", 2, &b), 0);
	assert_int_equal(a, b);
	assert_string_equal(profile_string_at(p, a), "ab");
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_ids_are_what_they_should_be),
		cmocka_unit_test(equal_frames_are_one_whatever_lies_between_their_members),
		cmocka_unit_test(samples_of_one_key_are_summed),
		cmocka_unit_test(a_sum_without_a_count_is_kept),
		cmocka_unit_test(frames_without_a_name_show_module_and_offset),
		cmocka_unit_test(strings_end_at_a_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
