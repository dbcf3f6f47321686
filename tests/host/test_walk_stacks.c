// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A walk that goes over to other stacks: a made-up process with two of them, one function a rule.
 */
#include <linux/types.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi.h"

enum { CODE = 0x400000, SIZE = 0x100, FUNCTIONS = 6, WORDS = 256, MAPPING = 2, PAGE = 16 };
enum { INDEX = 64, ROWS = INDEX + 1, APART = 4 << 20 };
/* Functions, by their rules. */
enum { PLAIN, OTHER, THREAD, RECORD, KEPT, END };
#define LOW  0xc000000000ull /* a goroutine's */
#define HIGH (LOW + APART)   /* the thread's */

static __u32 block[ABI_BLOCK_WORDS];
static __u64 low[WORDS], high[WORDS], thread;

struct walk;

static const __u32 *walk_block(const struct walk *w, __u32 location)
{
	(void)w;
	return location < ABI_BLOCK_WORDS ? block : NULL;
}

static long walk_copy(const struct walk *w, void *to, __u32 size, __u64 from)
{
	const __u64 *stack = from < HIGH ? low : high;
	__u64 at = from - (from < HIGH ? LOW : HIGH);

	(void)w;
	if (at >= sizeof(low) || size > sizeof(low) - at)
		return -1;
	memcpy(to, (const char *)stack + at, size);
	return 0;
}

static __u64 walk_thread(const struct walk *w)
{
	(void)w;
	return thread;
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

/* A return address in a function. */
static __u64 in(unsigned int function)
{
	return CODE + function * SIZE + 0x40;
}

static void put_full(unsigned int n, const struct cfi_elsewhere *rule)
{
	memcpy(&block[INDEX - CFI_RULE_WORDS * (n + 1)], rule, sizeof(*rule));
}

static int setup(void **state)
{
	static const __u32 rules[FUNCTIONS] = { 2 << CFI_OFFSET_SHIFT, CFI_OTHER_STACK, CFI_FULL,
						CFI_FULL + 1,	       CFI_KEPT_FP,	CFI_ROOT };
	struct abi_mapping m = { CODE, CODE + FUNCTIONS * SIZE, PAGE, 0, ABI_MAPPING_TABLE };

	(void)state;
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	memset(frames, 0, sizeof(frames));
	memcpy(&block[MAPPING], &m, sizeof(m));
	block[PAGE] = CFI_PAGE(INDEX, (__u32)CFI_MAX_SHIFT);
	block[INDEX] = (FUNCTIONS - 1) << 16;
	for (unsigned int n = 0; n < FUNCTIONS; n++)
		block[ROWS + n] = n * SIZE << 16 | rules[n];
	put_full(0, &(struct cfi_elsewhere){ .from = CFI_BY_THREAD,
					     .how = CFI_ELSEWHERE,
					     .first = -8,
					     .second = 8,
					     .third = 16,
					     .fourth = 24 });
	put_full(1, &(struct cfi_elsewhere){ .from = CFI_BY_STACK,
					     .how = CFI_ELSEWHERE,
					     .first = 48,
					     .second = 8,
					     .fourth = 40 });
	walk = (struct walk){ .window_at = WALK_NO_WINDOW,
			      .mappings = MAPPING,
			      .nr_mappings = 1,
			      .max = ABI_MAX_DEPTH,
			      .entry = WALK_NO_ENTRY,
			      .sp = HIGH };
	/* Where the thread says that it left the goroutine's stack: low[2]. */
	thread = HIGH + 8 * 50;
	high[49] = HIGH + 8 * 40;
	high[41] = HIGH + 8 * 42;
	high[44] = LOW + 8 * 30;
	low[33] = LOW + 8 * 2;
	return 0;
}

static void walk_from(unsigned int function)
{
	walk.pc = in(function);
	for (int i = 0; i <= ABI_MAX_DEPTH; i++)
		if (walk_step(&walk, frames))
			return;
	fail_msg("no end");
}

static void expect(enum abi_stop stop, unsigned int nr, const unsigned int *functions)
{
	assert_int_equal(walk.stop, stop);
	assert_int_equal(walk.nr, nr);
	for (unsigned int i = 0; i < nr; i++)
		assert_int_equal(frames[i], in(functions[i]) - 1);
}

#define EXPECT(stop, ...)                                                            \
	expect(stop, sizeof((unsigned int[]){ __VA_ARGS__ }) / sizeof(unsigned int), \
	       (const unsigned int[]){ __VA_ARGS__ })

static void the_frame_pointer_leads_down_and_up_again(void **state)
{
	(void)state;
	walk.fp = LOW + 8 * 10;
	low[10] = HIGH + 8 * 20; /* the caller's, on the stack that was left */
	low[11] = in(PLAIN);
	low[13] = in(OTHER);
	high[20] = 0;
	high[21] = in(END);
	walk_from(OTHER);
	EXPECT(ABI_STOP_ROOT, OTHER, PLAIN, OTHER, END);
}

static void it_does_so_only_where_a_rule_says_it(void **state)
{
	(void)state;
	walk.fp = LOW + 8 * 10;
	low[11] = in(END);
	walk_from(KEPT);
	EXPECT(ABI_STOP_NO_FRAME, KEPT);
}

static void no_frame_pointer_leads_nowhere(void **state)
{
	(void)state;
	walk_from(OTHER);
	EXPECT(ABI_STOP_NO_FRAME, OTHER);
	setup(state);
	walk.fp = LOW + 8 * 10 + 1;
	walk_from(OTHER);
	EXPECT(ABI_STOP_NO_FRAME, OTHER);
}

static void stacks_that_lead_to_each_other_end_the_walk(void **state)
{
	(void)state;
	walk.fp = LOW + 8 * 10;
	low[10] = HIGH + 8 * 20;
	high[20] = LOW + 8 * 10;
	low[11] = high[21] = in(OTHER);
	walk_from(OTHER);
	assert_int_equal(walk.stop, ABI_STOP_NO_FRAME);
	assert_int_equal(walk.nr, WALK_MAX_STACKS + 1);
}

/* Its frame pointer is its caller's yet, and would lead past that one. */
static void a_function_that_was_called_just_now_needs_no_table(void **state)
{
	(void)state;
	walk.at_entry = walk.exact = walk.whole = 1;
	walk.sp = LOW + 8 * 8;
	walk.fp = LOW + 8 * 12;
	low[8] = in(PLAIN);
	low[10] = in(KEPT);
	low[13] = in(END);
	walk.pc = in(KEPT)-1;
	while (!walk_step(&walk, frames))
		;
	EXPECT(ABI_STOP_ROOT, KEPT, PLAIN, KEPT, END);
}

/* An interpreter's loop that is on the first stack is not looked for on the second. */
static void no_loop_lies_between_two_stacks(void **state)
{
	(void)state;
	walk.entry = LOW + 8 * 5;
	walk.fp = LOW + 8 * 10;
	low[11] = in(END);
	walk_from(OTHER);
	EXPECT(ABI_STOP_ROOT, OTHER, END);
}

static void the_thread_knows_the_stack_that_it_left(void **state)
{
	(void)state;
	walk.fp = LOW + 8 * 10;
	low[2] = in(KEPT);
	low[11] = in(END);
	walk_from(THREAD);
	EXPECT(ABI_STOP_ROOT, THREAD, KEPT, END);
}

static void it_knows_of_the_last_time_only(void **state)
{
	(void)state;
	low[2] = in(THREAD);
	walk_from(THREAD);
	EXPECT(ABI_STOP_REGISTER, THREAD, THREAD);
}

static void what_cannot_be_read_ends_the_walk(void **state)
{
	__u64 *const places[] = { &thread, &high[49], &high[41], &high[44], &low[33] };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		setup(NULL);
		low[2] = in(END);
		*places[i] = 0;
		walk_from(THREAD);
		EXPECT(ABI_STOP_MEMORY, THREAD);
	}
}

static void a_record_on_the_stack_knows_the_one_that_was_left(void **state)
{
	(void)state;
	high[6] = LOW + 8 * 30;
	low[31] = LOW + 8 * 20;
	high[5] = 8 * 20;
	low[0] = in(RECORD);
	low[7] = LOW + 8 * 40; /* sp is behind the return address */
	low[41] = LOW + 8 * 50;
	low[6] = 8 * 10;
	low[40] = in(END);
	walk_from(RECORD);
	EXPECT(ABI_STOP_ROOT, RECORD, RECORD, END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_frame_pointer_leads_down_and_up_again, setup),
		cmocka_unit_test_setup(it_does_so_only_where_a_rule_says_it, setup),
		cmocka_unit_test_setup(no_frame_pointer_leads_nowhere, setup),
		cmocka_unit_test_setup(stacks_that_lead_to_each_other_end_the_walk, setup),
		cmocka_unit_test_setup(a_function_that_was_called_just_now_needs_no_table, setup),
		cmocka_unit_test_setup(no_loop_lies_between_two_stacks, setup),
		cmocka_unit_test_setup(the_thread_knows_the_stack_that_it_left, setup),
		cmocka_unit_test_setup(it_knows_of_the_last_time_only, setup),
		cmocka_unit_test_setup(what_cannot_be_read_ends_the_walk, setup),
		cmocka_unit_test_setup(a_record_on_the_stack_knows_the_one_that_was_left, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
