// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is arm64's own in the walk, on any machine: a made-up process, one function a rule. */
#undef __TARGET_ARCH_x86
#define __TARGET_ARCH_arm64
#include <linux/types.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi.h"

enum { CODE = 0x400000, SIZE = 0x100, FUNCTIONS = 8, WORDS = 128, MAPPING = 2, PAGE = 16 };
enum { INDEX = 64, ROWS = INDEX + 1 };
#define STACK	  0xffffffff0000ull
#define SIGNATURE 0x002a000000000000ull

static __u32 block[ABI_BLOCK_WORDS];
static __u64 memory[WORDS];

struct walk;

static const __u32 *walk_block(const struct walk *w, __u32 location)
{
	(void)w;
	return location < ABI_BLOCK_WORDS ? block : NULL;
}

static long walk_copy(const struct walk *w, void *to, __u32 size, __u64 from)
{
	(void)w;
	__u64 at = from - STACK;

	if (at >= sizeof(memory) || size > sizeof(memory) - at)
		return -1;
	memcpy(to, (const char *)memory + at, size);
	return 0;
}

static __u64 walk_code_mask(const struct walk *w)
{
	(void)w;
	return 0xffffffffffffull;
}

static __u64 walk_thread(const struct walk *w)
{
	(void)w;
	return 0;
}

static struct walk_known *walk_known(const struct walk *w, __u64 hash)
{
	(void)w;
	(void)hash;
	return NULL;
}

#include "walk.h"

static __u64 frames[2 * ABI_MAX_DEPTH];
static struct walk walk;

/* An address in function n, which is not its first. */
static __u64 in(unsigned int n)
{
	return CODE + n * SIZE + 0x40;
}

static __u32 rule(unsigned int base, unsigned int offset, unsigned int slot)
{
	return base | (offset / 16) << CFI_OFFSET_SHIFT | slot;
}

static int setup(void **state)
{
	struct abi_mapping m = { CODE, CODE + FUNCTIONS * SIZE, PAGE, 0, ABI_MAPPING_TABLE };

	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(&walk, 0, sizeof(walk));
	memcpy(&block[MAPPING], &m, sizeof(m));
	block[PAGE] = CFI_PAGE(INDEX, (__u32)CFI_MAX_SHIFT);
	block[INDEX] = (FUNCTIONS - 1) << 16;
	for (unsigned int n = 0; n < FUNCTIONS; n++)
		block[ROWS + n] = n * SIZE << 16 | CFI_ROOT;
	walk = (struct walk){ .window_at = WALK_NO_WINDOW,
			      .mappings = MAPPING,
			      .nr_mappings = 1,
			      .max = 16,
			      .exact = 1,
			      .whole = 1,
			      .sp = STACK };
	return 0;
}

static void put(unsigned int function, __u32 r)
{
	block[ROWS + function] = function * SIZE << 16 | r;
}

static void walk_from(__u64 pc)
{
	walk.pc = pc;
	for (int i = 0; i < 16; i++)
		if (walk_step(&walk, frames))
			return;
	fail_msg("no end");
}

/* Function 0's caller is in function 1, where the walk is at its root. */
static void assert_reaches_1(__u64 sp, __u64 fp)
{
	walk_from(in(0));
	assert_int_equal(walk.stop, ABI_STOP_ROOT);
	assert_int_equal(walk.nr, 2);
	assert_int_equal(frames[0], in(0));
	assert_int_equal(frames[1], in(1) - 1);
	assert_int_equal(walk.sp, sp);
	assert_int_equal(walk.fp, fp);
}

static void a_leaf_has_its_caller_in_x30(void **state)
{
	(void)state;
	put(0, rule(0, 0, 0));
	walk.registers[WALK_LINK] = in(1);
	walk.fp = STACK + 0x50;
	assert_reaches_1(STACK, STACK + 0x50);
}

static void a_signature_is_cut_off(void **state)
{
	(void)state;
	put(0, rule(0, 32, 0));
	walk.registers[WALK_LINK] = in(1) | SIGNATURE;
	assert_reaches_1(STACK + 32, 0);
}

static void a_record_at_the_bottom(void **state)
{
	(void)state;
	put(0, rule(0, 64, 1));
	memory[0] = 0x1230;
	memory[1] = in(1) | SIGNATURE;
	assert_reaches_1(STACK + 64, 0x1230);
}

static void a_record_below_the_cfa(void **state)
{
	(void)state;
	put(0, rule(0, 64, 4));
	memory[4] = 0x1230;
	memory[5] = in(1);
	assert_reaches_1(STACK + 64, 0x1230);
}

static void a_frame_found_by_x29(void **state)
{
	(void)state;
	put(0, rule(CFI_FP, 48, 1));
	walk.fp = STACK + 0x100;
	memory[0x20] = 0x1230;
	memory[0x21] = in(1);
	assert_reaches_1(STACK + 0x130, 0x1230);
}

static void only_a_leaf_has_it_in_x30(void **state)
{
	(void)state;
	put(0, rule(0, 0, 0));
	put(1, rule(0, 16, 0));
	walk.registers[WALK_LINK] = in(1);
	walk_from(in(0));
	assert_int_equal(walk.stop, ABI_STOP_REGISTER);
	assert_int_equal(walk.nr, 2);
}

/* Code without a table, called by `r`; its frame is larger than its record. */
static void call_a_gap_from(__u32 r)
{
	put(0, CFI_GAP);
	put(1, r);
	walk.fp = STACK + 0x20;
	memory[4] = STACK + 0x80;
	memory[5] = in(1);
	memory[16] = 0x1230;
	memory[17] = in(2);
	walk_from(in(0));
}

static void behind_a_gap_a_record_says_where_sp_was(void **state)
{
	(void)state;
	call_a_gap_from(rule(0, 64, 1));
	assert_int_equal(walk.stop, ABI_STOP_ROOT);
	assert_int_equal(walk.nr, 3);
	assert_int_equal(walk.sp, STACK + 0x80 + 64);
	assert_int_equal(walk.fp, 0x1230);
	setup(NULL);
	call_a_gap_from(rule(0, 64, 4));
	assert_int_equal(walk.stop, ABI_STOP_ROOT);
	assert_int_equal(walk.sp, STACK + 0x80 + 32);
}

static void behind_a_gap_sp_is_not_guessed(void **state)
{
	static const struct cfi_rule full = {
		.cfa = WALK_SP, .how = CFI_AT_CFA | CFI_SAME << 4, .cfa_offset = 64, .ra_offset = -8
	};

	(void)state;
	call_a_gap_from(rule(0, 64, 0));
	assert_int_equal(walk.stop, ABI_STOP_REGISTER);
	setup(NULL);
	memcpy(&block[INDEX - CFI_RULE_WORDS], &full, sizeof(full));
	call_a_gap_from(CFI_FULL);
	assert_int_equal(walk.stop, ABI_STOP_REGISTER);
	setup(NULL);
	call_a_gap_from(CFI_SIGNAL);
	assert_int_equal(walk.stop, ABI_STOP_REGISTER);
}

static void behind_a_gap_another_gap(void **state)
{
	(void)state;
	/* Records that touch each other. */
	put(0, CFI_GAP);
	put(1, CFI_GAP);
	walk.fp = STACK + 0x20;
	memory[4] = STACK + 0x30;
	memory[5] = in(1);
	memory[6] = 0;
	memory[7] = in(2);
	walk_from(in(0));
	assert_int_equal(walk.stop, ABI_STOP_ROOT);
	assert_int_equal(walk.nr, 3);
}

static void a_signal_gives_all_registers_back(void **state)
{
	const unsigned int registers = WALK_SIGNAL_OFFSET / 8;

	(void)state;
	put(0, CFI_SIGNAL);
	put(1, rule(0, 0, 0));
	memory[registers + WALK_LINK] = in(2);
	memory[registers + WALK_SP] = STACK + 0x300;
	memory[registers + WALK_PC] = in(1);
	walk_from(in(0));
	assert_int_equal(walk.stop, ABI_STOP_ROOT);
	assert_int_equal(walk.nr, 3);
	assert_int_equal(frames[1], in(1));
	assert_int_equal(frames[2], in(2) - 1);
	assert_int_equal(walk.sp, STACK + 0x300);
}

static void a_kernel_address_stays_one(void **state)
{
	(void)state;
	put(0, rule(0, 32, 0));
	walk.registers[WALK_LINK] = in(1) | 0xffff000000000000ull;
	walk.fp = 1;
	walk_from(in(0));
	assert_int_equal(walk.stop, ABI_STOP_NO_FRAME);
	assert_int_equal(frames[1], (in(1) | 0xffff000000000000ull) - 1);
}

static void rules_of_x86_64_are_not_followed(void **state)
{
	(void)state;
	put(0, CFI_PLT_11);
	walk_from(in(0));
	assert_int_equal(walk.stop, ABI_STOP_RULE);
}

static void a_32_bit_program_is_known(void **state)
{
	(void)state;
	assert_true(walk_is_64bit(walk.registers));
	walk.registers[33] = 0x60000010;
	assert_false(walk_is_64bit(walk.registers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_leaf_has_its_caller_in_x30, setup),
		cmocka_unit_test_setup(a_signature_is_cut_off, setup),
		cmocka_unit_test_setup(a_record_at_the_bottom, setup),
		cmocka_unit_test_setup(a_record_below_the_cfa, setup),
		cmocka_unit_test_setup(a_frame_found_by_x29, setup),
		cmocka_unit_test_setup(only_a_leaf_has_it_in_x30, setup),
		cmocka_unit_test_setup(behind_a_gap_a_record_says_where_sp_was, setup),
		cmocka_unit_test_setup(behind_a_gap_sp_is_not_guessed, setup),
		cmocka_unit_test_setup(behind_a_gap_another_gap, setup),
		cmocka_unit_test_setup(a_signal_gives_all_registers_back, setup),
		cmocka_unit_test_setup(a_kernel_address_stays_one, setup),
		cmocka_unit_test_setup(rules_of_x86_64_are_not_followed, setup),
		cmocka_unit_test_setup(a_32_bit_program_is_known, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
