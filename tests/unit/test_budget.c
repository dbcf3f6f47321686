// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* --max-memory divided: against the sizes of what the kernel half is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "abi.h"
#include "base/array.h"
#include "collect/budget.h"

static const uint32_t cpus[] = { 1, 2, 3, 8, 64, 1000, ABI_MAX_CPUS };

static void check(uint64_t memory, uint32_t nr_cpus)
{
	uint64_t regions, rings;
	struct budget b;

	assert_int_equal(budget_divide(memory, nr_cpus, &b), 0);
	assert_int_equal(b.nr_cpus, nr_cpus);
	assert_int_equal(b.fixed + b.tables + b.growing, memory);
	/* The kernel half masks with these; the kernel wants whole pages of a ring. */
	assert_int_equal(b.slots & (b.slots - 1), 0);
	assert_int_equal(b.ring_bytes & (b.ring_bytes - 1), 0);
	assert_int_equal(b.ring_bytes % (uint32_t)sysconf(_SC_PAGESIZE), 0);
	assert_int_equal(b.seen & (b.seen - 1), 0);
	assert_int_equal(b.sideband_pages & (b.sideband_pages - 1), 0);
	assert_true(b.slots && b.ring_bytes && b.seen && b.sideband_pages);
	/* The deepest stack must pass through the ring. */
	assert_true(b.ring_bytes > sizeof(struct abi_stack) + 2 * ABI_MAX_DEPTH * sizeof(__u64));
	regions = 2ull * nr_cpus * (sizeof(struct abi_region) + b.slots * sizeof(struct abi_slot));
	rings = b.ring_bytes + 8ull * b.seen +
		(uint64_t)nr_cpus * b.sideband_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	assert_true(b.fixed >= regions + rings);
	assert_true(b.growing >= 1 << 20);
	assert_true(b.tables >= 4 << 20);
}

static void test_divides(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		uint64_t least = budget_least(cpus[i]);

		for (uint64_t memory = least; memory < 64ull << 30; memory += memory / 7 + 1)
			check(memory, cpus[i]);
		check(UINT64_MAX >> 1, cpus[i]);
	}
}

static void test_too_small(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		struct budget b = { .slots = 7 };

		assert_int_equal(budget_divide(budget_least(cpus[i]) - 1, cpus[i], &b), -ENOSPC);
		assert_int_equal(budget_divide(0, cpus[i], &b), -ENOSPC);
		assert_int_equal(b.slots, 7);
	}
}

/* More memory buys more of everything. */
static void test_grows(void **state)
{
	struct budget small, large;

	(void)state;
	assert_int_equal(budget_divide(budget_least(64), 64, &small), 0);
	assert_int_equal(budget_divide(1 << 30, 64, &large), 0);
	assert_true(large.slots > small.slots);
	assert_true(large.ring_bytes > small.ring_bytes);
	assert_true(large.growing > small.growing);
	/* The default, on a small machine: most of it is for what is measured. */
	assert_int_equal(budget_divide(256 << 20, 4, &large), 0);
	assert_true(large.growing + large.tables > 192 << 20);
	assert_true(large.growing > large.tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_divides),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
