// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where in CPython's collector, and in what calls it, a collection begins and is done: by code like
 * compilers', of this program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/gc_python_inside.h"
#include "site/probe_site.h"

#ifdef __x86_64__
#include "gc_python_copy.h"

extern const char branch_of_main[], branch_out_of_line[], branch_doubled[], branch_says_both[],
	start_says_both[], stop_says_both[], stop_again[], ask_says[], says[], ask_goes_on[],
	goes_on[], ask_joins[], joins[], ask_parts[], parts[];

/* The file's address of what is in memory. */
static uint64_t address_in(const struct image *im, const void *p)
{
	return address_of(im, "Py_Version") + ((uintptr_t)p - (uintptr_t)&Py_Version);
}

static void branches_that_collections_take(void **state)
{
	static const char *const refused[] = { "no_start_push",	  "no_start_branch",
					       "no_start_always", "no_start_generation",
					       "no_start_two",	  "no_start_text",
					       "no_start_code",	  "called_back" };
	_cleanup_close_ int fd = copy();
	struct gc_python_start s;
	struct image im;

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	assert_int_equal(gc_python_start(&im, address_of(&im, "gc_collect_main"), &s), 0);
	assert_int_equal(s.branch, address_in(&im, branch_of_main));
	assert_int_equal(s.generation.how, ABI_ARGUMENT_MEMORY);
	assert_int_equal(s.generation.reg, 19);
	assert_int_equal(s.generation.offset, 56);
	assert_int_equal(s.generation.size, 4);
	assert_int_equal(gc_python_start(&im, address_of(&im, "out_of_line"), &s), 0);
	assert_int_equal(s.branch, address_in(&im, branch_out_of_line));
	assert_int_equal(s.generation.how, ABI_ARGUMENT_REGISTER);
	assert_int_equal(s.generation.reg, 3);
	assert_int_equal(gc_python_start(&im, address_of(&im, "doubled"), &s), 0);
	assert_int_equal(s.branch, address_in(&im, branch_doubled));
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (gc_python_start(&im, address_of(&im, refused[i]), &s) != -ENOENT)
			fail_msg("%s was taken", refused[i]);
	assert_int_equal(gc_python_start(&im, 0, &s), -ENOENT);
	assert_int_equal(gc_python_start(&im, UINT64_MAX, &s), -ENOENT);
	image_done(&im);
}

static void calls_that_say_so(void **state)
{
	_cleanup_close_ int fd = copy();
	struct gc_python_start s;
	struct image im;
	uint64_t stops[2], address;

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	address = address_of(&im, "says_both_calls");
	assert_int_equal(gc_python_start(&im, address, &s), 0);
	assert_int_equal(s.branch, address_in(&im, branch_says_both));
	assert_int_equal(s.call, address_in(&im, start_says_both));
	assert_int_equal(s.passed.how, ABI_ARGUMENT_REGISTER);
	assert_int_equal(s.passed.reg, 12);
	assert_int_equal(s.reason.how, ABI_ARGUMENT_MEMORY);
	assert_int_equal(s.reason.reg, 19);
	assert_int_equal(s.reason.offset, 60);
	assert_int_equal(gc_python_stops(&im, address, stops, 2), 2);
	assert_int_equal(stops[0], address_in(&im, stop_says_both));
	assert_int_equal(stops[1], address_in(&im, stop_again));
	/* One too many; none; a reason that the call may not find any more. */
	assert_int_equal(gc_python_stops(&im, address, stops, 1), 0);
	assert_int_equal(gc_python_stops(&im, address_of(&im, "doubled"), stops, 2), 0);
	assert_int_equal(gc_python_start(&im, address_of(&im, "doubled"), &s), 0);
	assert_int_equal(s.reason.how, ABI_ARGUMENT_NONE);
	image_done(&im);
}

static void those_who_ask(void **state)
{
	const char *const places[][2] = { { ask_says, says },
					  { ask_goes_on, goes_on },
					  { ask_joins, joins } };
	static const char *const refused[] = { "asked_or_not",	   "asked_for_good",
					       "asked_at_last",	   "asked_by_nobody_known",
					       "asked_in_data",	   "asked_by_part",
					       "asked_in_switch",  "asked_again",
					       "asked_for_vectors" };
	_cleanup_close_ int fd = copy();
	struct gc_python_ask asks[GC_PYTHON_ASKS];
	struct image im;

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	assert_int_equal(gc_python_asks(&im, address_of(&im, "asked_by_three_others"), asks),
			 ARRAY_SIZE(places));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(asks[i].call, address_in(&im, places[i][0]));
		assert_int_equal(asks[i].behind, address_in(&im, places[i][1]));
	}
	assert_int_equal(gc_python_asks(&im, address_of(&im, "asked_by_parts"), asks), 1);
	assert_int_equal(asks[0].call, address_in(&im, ask_parts));
	assert_int_equal(asks[0].behind, address_in(&im, parts));
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (gc_python_asks(&im, address_of(&im, refused[i]), asks))
			fail_msg("%s was taken", refused[i]);
	/* More than there is room for. */
	assert_int_equal(gc_python_asks(&im, address_of(&im, "called_back"), asks), 0);
	image_done(&im);
}

/* Who else asks may stand in what can't be looked at. */
static void those_who_may_ask(void **state)
{
	const Elf64_Phdr code = { .p_type = PT_LOAD,
				  .p_flags = PF_R | PF_X,
				  .p_vaddr = 1ull << 40,
				  .p_filesz = 1 << 30,
				  .p_memsz = 1 << 30 };
	_cleanup_close_ int fd = copy();
	struct gc_python_ask asks[GC_PYTHON_ASKS];
	struct image im;

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	for (size_t i = 0; i < im.nr_segments; i++)
		if (im.segments[i].p_type == PT_GNU_STACK)
			im.segments[i] = code;
	assert_int_equal(gc_python_asks(&im, address_of(&im, "asked_by_three_others"), asks), 0);
	image_done(&im);
}

static int find_with_ease(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	const struct probe_site site = { .role = ABI_PROBE_COUNT };

	(void)why;
	assert_true(image_spend(im, 1000));
	return probe_sites_add(ret, &site) ? -ENOMEM : 1;
}

static int find_with_pains(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	int r = find_with_ease(im, ret, why);

	assert_false(image_spend(im, UINT64_MAX));
	assert_false(image_spend(im, 1));
	return r;
}

/* Files that are made to take long. */
static void too_much_work(void **state)
{
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
	_cleanup_close_ int fd = copy();
	const struct runtime_image file = { .fd = fd, .path = "copy" };
	struct gc_python_ask asks[GC_PYTHON_ASKS];
	uint64_t left = 10000;
	struct image im;

	(void)state;
	assert_int_equal(probe_sites_find(&file, find_with_ease, &sites, &why), 1);
	assert_int_equal(why.len, 0);
	assert_int_equal(probe_sites_find(&file, find_with_pains, &sites, &why), -ENOTSUP);
	assert_int_not_equal(why.len, 0);
	assert_int_equal(image_open(&im, fd), 0);
	im.work_left = &left;
	assert_int_equal(gc_python_asks(&im, address_of(&im, "asked_by_three_others"), asks), 0);
	assert_int_equal(left, 0);
	image_done(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches_that_collections_take),
		cmocka_unit_test(calls_that_say_so),
		cmocka_unit_test(those_who_ask),
		cmocka_unit_test(those_who_may_ask),
		cmocka_unit_test(too_much_work),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
#else
int main(void)
{
	return 77; /* the code it reads is x86-64's */
}
#endif
