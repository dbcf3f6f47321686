// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How the kernel half takes a user stack: by which list, what it asks for, what it sends. */
#include "../../bpf/cpu.bpf.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { SLOTS = 64, SEEN = 64, SPACES = 16, STACK = 0x7ff0000, CODE = 0x400000, WORDS = 64 };

static __u64 memory[WORDS];
static __u64 *words; /* the block that lists and tables stand in */

static void put_space(__u64 token, __u32 nr, __u32 location)
{
	__u32 at = (__u32)token & (SPACES - 1);
	struct abi_space *s = host_lookup(&spaces, &at, sizeof(at));

	*s = (struct abi_space){ .token = token, .mappings = (__u64)nr << 32 | location };
}

static __u64 token(void)
{
	struct who who;

	who_read(&who);
	return who.space;
}

static int setup(void **state)
{
	struct abi_config *c = host_writable(&cfg);
	__u32 size = sizeof(struct abi_region) + SLOTS * sizeof(struct abi_slot), zero = 0;
	void *inner;

	(void)state;
	host_reset();
	*c = (struct abi_config){ .flags = ABI_USER_STACK | ABI_TABLES,
				  .max_depth = 8,
				  .max_user_depth = 8,
				  .slot_mask = SLOTS - 1,
				  .seen_mask = SEEN - 1,
				  .space_mask = SPACES - 1,
				  .nr_regions = 1 };
	generation = 0;
	host_make(&regions, 0, size);
	for (__u32 i = 0; i < SEEN; i++)
		host_make(&seen, i, sizeof(__u64));
	for (__u32 i = 0; i < SCRATCH_LEVELS; i++)
		host_make(&scratch_users, i, sizeof(__u32));
	for (__u32 i = 0; i < SCRATCH_LEVELS; i++)
		host_make(&scratches, i, sizeof(struct scratch));
	for (__u32 i = 0; i < ABI_COUNTERS; i++)
		host_make(&counters, i, sizeof(__u64));
	for (__u32 i = 0; i < SPACES; i++)
		host_make(&spaces, i, sizeof(struct abi_space));
	host_make(&segments, 0, 8);
	inner = host_lookup(&segments, &zero, sizeof(zero));
	host_make(inner, 0, ABI_BLOCK_WORDS * 4);
	host_make(&copied_at, 0, sizeof(__u64));
	host_make(&known_rules, 0, sizeof(struct known_rules));
	words = host_lookup(inner, &zero, sizeof(zero));
	((struct abi_region *)host_lookup(&regions, &zero, 4))->epoch = 1;
	memset(memory, 0, sizeof(memory));
	host.clock = ABI_COPY_PAUSE_NS;
	host.memory = memory;
	host.memory_at = STACK;
	host.memory_size = sizeof(memory);
	host.registers[WALK_PC] = CODE + 0x10;
	host.registers[WALK_SP] = STACK;
	host.registers[17] = 0x33;
	return 0;
}

static const struct abi_stack *sample(void)
{
	struct who who;

	who_read(&who);
	host.nr_records = 0;
	stack_id(NULL, false, &who);
	return (const struct abi_stack *)host.last_record;
}

/* List 1, of one mapping at word 4, its page's word at 16, its block from 32 on. */
static void publish(enum abi_mapping_kind kind, __u32 rule)
{
	struct abi_mapping m = { CODE, CODE + 0x10000, 16, 0, kind };
	__u32 *block = (__u32 *)words;

	words[1] = 1;
	memcpy(&words[2], &m, sizeof(m));
	block[16] = CFI_PAGE(32u, (__u32)CFI_MAX_SHIFT);
	block[32] = 0; /* an index of one bucket: from row 0 to row 0 */
	block[33] = rule;
	put_space(token(), 1, 4);
}

static void an_unknown_process_is_asked_for_once(void **state)
{
	const struct abi_ask *ask = (const struct abi_ask *)host.last_record;
	struct who who;

	(void)state;
	who_read(&who);
	unwind_user(NULL, scratch_enter(&(__u32){ 0 }), 0, 0, &who);
	assert_int_equal(host.nr_records, 1);
	assert_int_equal(ask->type, ABI_COPY);
	assert_int_equal(ask->nr, 1);
	assert_int_equal(ask->addresses[0], CODE + 0x10);
	assert_int_equal(ask->space, who.space);
	scratch_leave(0);
	assert_int_equal(sample()->type, ABI_STACK);
	assert_int_equal(host.nr_records, 1); /* no second one */
	assert_int_equal(sample()->flags, ABI_STACK_APPROXIMATE);
}

/* The stack comes along, under an id that no other one has. */
static void what_lacked_tables_is_copied(void **state)
{
	const struct abi_stack *s;

	(void)state;
	s = sample();
	assert_int_equal(host.nr_records, 2);
	assert_int_equal(s->flags, ABI_STACK_APPROXIMATE | ABI_STACK_COPIED);
	assert_true(s->id);
}

static void a_ring_that_is_half_full_takes_no_copy(void **state)
{
	const struct abi_stack *s;

	(void)state;
	host.ring_used = 60;
	s = sample();
	assert_int_equal(host.nr_records, 2); /* the ask all the same */
	assert_int_equal(s->flags, ABI_STACK_APPROXIMATE);
}

static void an_ask_that_found_no_room_is_repeated(void **state)
{
	struct who who;

	(void)state;
	who_read(&who);
	host.ring_full = true;
	unwind_user(NULL, scratch_enter(&(__u32){ 0 }), 0, 0, &who);
	host.ring_full = false;
	host.clock += ABI_COPY_PAUSE_NS;
	scratch_leave(0);
	unwind_user(NULL, scratch_enter(&(__u32){ 0 }), 0, 0, &who);
	assert_int_equal(host.nr_records, 1);
	assert_int_equal(host.last_record_type, ABI_COPY);
}

static void a_published_space_is_walked_to_its_root(void **state)
{
	const struct abi_stack *s;
	const __u64 *frames;

	(void)state;
	publish(ABI_MAPPING_TABLE, 2 << CFI_OFFSET_SHIFT); /* CFA = rsp + 16 */
	memory[1] = CODE + 0x21;
	memory[3] = 0;
	s = sample();
	frames = (const __u64 *)(s + 1);
	assert_int_equal(s->nr[ABI_USER_FRAMES], 2);
	assert_int_equal(s->stop, ABI_STOP_ROOT);
	assert_int_equal(s->flags, 0);
	assert_int_equal(s->mappings, 4);
	assert_int_equal(frames[0], CODE + 0x10);
	assert_int_equal(frames[1], CODE + 0x20); /* the call */
}

/* The same addresses, and maybe other code: it is told apart. */
static void another_list_makes_another_stack(void **state)
{
	__u64 first, second;

	(void)state;
	publish(ABI_MAPPING_TABLE, 2 << CFI_OFFSET_SHIFT);
	memory[1] = CODE + 0x21;
	memory[3] = 0;
	first = sample()->id;
	sample();
	assert_int_equal(host.nr_records, 0); /* known by now */
	words[1] = 2;
	second = sample()->id;
	assert_int_equal(host.nr_records, 1);
	assert_true(first && second && first != second);
}

/* What two events wrote of one entry between each other is of neither one's address. */
static void a_torn_rule_is_not_used(void **state)
{
	struct walk w = { .list = 1 };
	struct walk_known *known = walk_known(&w, (CODE + 0x10) ^ 1ull << 32);

	(void)state;
	publish(ABI_MAPPING_TABLE, 2 << CFI_OFFSET_SHIFT);
	memory[1] = CODE + 0x21;
	memory[3] = 0;
	assert_int_equal(sample()->nr[ABI_USER_FRAMES], 2);
	assert_true(known->rule >> 16 == 1);
	known->rule = 1ull << 16 | CFI_ROOT;
	words[1] = 1;
	memory[3] = CODE + 0x31; /* a new stack, which is sent */
	memory[5] = 0;
	assert_int_equal(sample()->nr[ABI_USER_FRAMES], 3);
}

static void a_walk_ends_at_the_depth_limit(void **state)
{
	const struct abi_stack *s;

	(void)state;
	publish(ABI_MAPPING_TABLE, 1 << CFI_OFFSET_SHIFT);
	for (int i = 0; i < WORDS; i++)
		memory[i] = CODE + 0x21;
	s = sample();
	assert_int_equal(s->nr[ABI_USER_FRAMES], 8);
	assert_int_equal(s->stop, ABI_STOP_DEPTH);
}

static void memory_that_cannot_be_read_ends_a_walk(void **state)
{
	(void)state;
	publish(ABI_MAPPING_TABLE, 2 << CFI_OFFSET_SHIFT);
	host.registers[WALK_SP] = STACK - 64;
	assert_int_equal(sample()->stop, ABI_STOP_MEMORY);
	assert_int_equal(sample()->nr[ABI_USER_FRAMES], 1);
}

static void a_32_bit_program_is_left_to_the_kernel(void **state)
{
	(void)state;
	host.registers[17] = 0x23;
	host.nr_frames = 3;
	assert_int_equal(sample()->stop, ABI_STOP_KERNEL);
	assert_int_equal(sample()->nr[ABI_USER_FRAMES], 3);
}

static void a_kernel_thread_has_no_user_stack(void **state)
{
	(void)state;
	host_task.mm = NULL;
	assert_int_equal(sample()->stop, ABI_STOP_NONE);
	host_task.mm = (void *)&host_task;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_unknown_process_is_asked_for_once, setup),
		cmocka_unit_test_setup(what_lacked_tables_is_copied, setup),
		cmocka_unit_test_setup(a_ring_that_is_half_full_takes_no_copy, setup),
		cmocka_unit_test_setup(an_ask_that_found_no_room_is_repeated, setup),
		cmocka_unit_test_setup(a_published_space_is_walked_to_its_root, setup),
		cmocka_unit_test_setup(another_list_makes_another_stack, setup),
		cmocka_unit_test_setup(a_torn_rule_is_not_used, setup),
		cmocka_unit_test_setup(a_walk_ends_at_the_depth_limit, setup),
		cmocka_unit_test_setup(memory_that_cannot_be_read_ends_a_walk, setup),
		cmocka_unit_test_setup(a_32_bit_program_is_left_to_the_kernel, setup),
		cmocka_unit_test_setup(a_kernel_thread_has_no_user_stack, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
