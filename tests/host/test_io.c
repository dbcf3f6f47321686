// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The life of a block request, as io.bpf.c follows it. */
#include "../../bpf/io.bpf.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { SLOTS = 64, SEEN = 32 };

static struct gendisk disk = { .major = 8, .first_minor = 16 };
static struct request_queue queue = { .disk = &disk };
static struct request request = { .q = &queue, .cmd_flags = 0x10001, .__data_len = 4096 };

static int setup(void **state)
{
	struct abi_config *c = host_writable(&cfg);
	__u32 size = sizeof(struct abi_region) + SLOTS * sizeof(struct abi_slot);

	(void)state;
	host_reset();
	*c = (struct abi_config){ .flags = ABI_KERNEL_STACK | ABI_QUEUE_PHASE,
				  .max_depth = 8,
				  .slot_mask = SLOTS - 1,
				  .seen_mask = SEEN - 1,
				  .nr_regions = 1 };
	generation = 0;
	host_make(&regions, 0, size);
	for (__u32 i = 0; i < SEEN; i++)
		host_make(&seen, i, sizeof(__u64));
	for (__u32 i = 0; i < SCRATCH_LEVELS; i++) {
		host_make(&scratch_users, i, sizeof(__u32));
		host_make(&scratches, i, sizeof(struct scratch));
	}
	for (__u32 i = 0; i < ABI_COUNTERS; i++)
		host_make(&counters, i, sizeof(__u64));
	((struct abi_region *)host_lookup(&regions, &(__u32){ 0 }, 4))->epoch = 1;
	return 0;
}

static void at(__u64 time, int (*program)(__u64 *))
{
	__u64 ctx[2] = { (__u64)(uintptr_t)&request };

	host.clock = time;
	program(ctx);
}

static void complete(__u64 time, unsigned bytes)
{
	host.clock = time;
	on_complete(NULL, &request, 0, bytes);
}

static const struct abi_slot *slot(enum io_phase phase)
{
	const struct abi_region *r = host_lookup(&regions, &(__u32){ 0 }, 4);

	for (int i = 0; i < SLOTS; i++)
		if (r->slots[i].key.epoch == r->epoch && (r->slots[i].key.tag & 0xff) == phase)
			return &r->slots[i];
	return NULL;
}

static __u32 slots_used(void)
{
	return ((struct abi_region *)host_lookup(&regions, &(__u32){ 0 }, 4))->used;
}

static __u64 counted(__u32 counter)
{
	return *(__u64 *)host_lookup(&counters, &counter, 4);
}

static void phases_are_told_apart(void **state)
{
	(void)state;
	at(1000, on_insert);
	at(1500, on_issue);
	complete(4500, 4096);
	assert_int_equal(slot(IO_QUEUE)->total, 500);
	assert_int_equal(slot(IO_DEVICE)->total, 3000);
	assert_int_equal(slot(IO_DEVICE)->count, 1);
	assert_int_equal(slot(IO_DEVICE)->key.bucket, bucket_of(3000));
	assert_int_equal(slot(IO_DEVICE)->key.tag,
			 ((8ull << 20 | 16) << 32) | 1 << IO_OP_SHIFT | IO_DEVICE);
}

static void a_request_issued_at_once_was_in_no_queue(void **state)
{
	(void)state;
	at(1000, on_issue);
	complete(1700, 4096);
	assert_null(slot(IO_QUEUE));
	assert_int_equal(slot(IO_DEVICE)->total, 700);
}

static void only_the_last_part_completes(void **state)
{
	(void)state;
	at(1000, on_issue);
	complete(1500, 1024);
	assert_null(slot(IO_DEVICE));
	request.__data_len = 3072;
	complete(2000, 3072);
	request.__data_len = 4096;
	assert_int_equal(slot(IO_DEVICE)->total, 1000);
}

static void a_requeued_request_waits_again(void **state)
{
	(void)state;
	at(1000, on_insert);
	at(1100, on_issue);
	at(1200, on_requeue);
	at(1250, on_insert);
	at(2000, on_issue);
	complete(2600, 4096);
	assert_int_equal(slot(IO_DEVICE)->total, 600);
	assert_int_equal(slot(IO_QUEUE)->total, 1000);
	assert_int_equal(counted(ABI_COUNT_REQUEUED), 1);
	assert_int_equal(slots_used(), 2);
}

static void a_merged_request_is_forgotten(void **state)
{
	(void)state;
	at(1000, on_insert);
	at(1100, on_merge);
	complete(2000, 4096);
	assert_null(slot(IO_DEVICE));
	assert_int_equal(counted(ABI_COUNT_MERGED), 1);
	assert_int_equal(counted(ABI_COUNT_NO_START), 1);
}

static void what_began_before_us_is_counted(void **state)
{
	(void)state;
	complete(2000, 4096);
	assert_null(slot(IO_DEVICE));
	assert_int_equal(counted(ABI_COUNT_NO_START), 1);
}

static void a_request_of_another_process_is_left_out(void **state)
{
	(void)state;
	((struct abi_config *)host_writable(&cfg))->flags |= ABI_FILTER_PID;
	at(1000, on_insert);
	/* The one who issues it is asked for, the one who submitted it is not. */
	host_update(&target_pids, &(__u32){ 7 }, 4, &(__u8){ 1 }, 1);
	at(1100, on_issue);
	complete(2000, 4096);
	assert_null(slot(IO_DEVICE));
	assert_int_equal(slots_used(), 0);
}

static void a_busy_region_spills_to_the_ring(void **state)
{
	struct abi_region *r = host_lookup(&regions, &(__u32){ 0 }, 4);

	(void)state;
	r->busy = 1;
	at(1000, on_issue);
	complete(1500, 4096);
	r->busy = 0;
	assert_null(slot(IO_DEVICE));
	assert_int_equal(host.last_record_type, ABI_SPILL);
	assert_int_equal(counted(ABI_COUNT_SPILLED), 1);
	host.ring_full = true;
	r->busy = 1;
	at(2000, on_issue);
	complete(2500, 4096);
	r->busy = 0;
	assert_int_equal(counted(ABI_COUNT_LOST), 1);
}

static void a_stack_is_sent_once(void **state)
{
	(void)state;
	host.nr_frames = 3;
	host.frames[0] = 0xffffffff81000000;
	((struct abi_config *)host_writable(&cfg))->flags = ABI_KERNEL_STACK;
	for (int i = 1; i <= 3; i++) {
		at(1000 * i, on_issue);
		complete(1000 * i + 500, 4096);
	}
	assert_int_equal(slot(IO_DEVICE)->count, 3);
	assert_int_equal(host.nr_records, 2); /* the thread and the stack */
	host.frames[1]++;
	at(5000, on_issue);
	complete(5500, 4096);
	assert_int_equal(host.nr_records, 3);
	/* What found no room in the ring is sent again. */
	host.ring_full = true;
	host.frames[1]++;
	at(6000, on_issue);
	complete(6500, 4096);
	assert_int_equal(counted(ABI_COUNT_STACK_LOST), 1);
	host.ring_full = false;
	at(7000, on_issue);
	assert_int_equal(host.nr_records, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(phases_are_told_apart, setup),
		cmocka_unit_test_setup(a_request_issued_at_once_was_in_no_queue, setup),
		cmocka_unit_test_setup(only_the_last_part_completes, setup),
		cmocka_unit_test_setup(a_requeued_request_waits_again, setup),
		cmocka_unit_test_setup(a_merged_request_is_forgotten, setup),
		cmocka_unit_test_setup(what_began_before_us_is_counted, setup),
		cmocka_unit_test_setup(a_request_of_another_process_is_left_out, setup),
		cmocka_unit_test_setup(a_busy_region_spills_to_the_ring, setup),
		cmocka_unit_test_setup(a_stack_is_sent_once, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
