/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that both halves share. Included by both; nothing else crosses the
 * border. Fixed widths, no implicit padding, sizes asserted.
 *
 * Who and which stack are 64-bit ids: hashes that the kernel half takes with
 * the secret `seed`. What an id stands for is streamed through the ring once
 * (abi_thread, abi_stack); after that only a slot's counters move.
 */
#pragma once
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum {
	ABI_COMM_LEN = 16,
	ABI_GLOB_LEN = 32,
	ABI_MAX_DEPTH = 1024, /* frames of one kind in a stack */
	ABI_DEFAULT_DEPTH = 256,
	ABI_MAX_CPUS = 1024,
	ABI_GENERATIONS = 2,
};

enum abi_flag {
	ABI_USER_STACK = 1 << 0,
	ABI_KERNEL_STACK = 1 << 1,
	ABI_FILTER_PID = 1 << 2,
	ABI_FILTER_TID = 1 << 3,
	ABI_FILTER_COMM = 1 << 4,
	ABI_FILTER_CGROUP = 1 << 5,
	ABI_FILTER_CPU = 1 << 6,
	ABI_CHILDREN = 1 << 7,	 /* what a measured process forks is measured too */
	ABI_QUEUE_PHASE = 1 << 8 /* io: measure the time in the queue too */
};

/* Settings, written before load and constant to the verifier afterwards. */
struct abi_config {
	__u64 seed;
	__u64 slower;	  /* events of at least this value are listed singly; 0: none */
	__u64 period;	  /* value of one sample of a clock */
	__u32 flags;	  /* enum abi_flag */
	__u32 max_depth;  /* frames of each kind that are taken */
	__u32 slot_mask;  /* slots of a region, minus 1 */
	__u32 seen_mask;  /* entries of the table of sent ids, minus 1 */
	__u32 nr_regions; /* CPUs */
	__u32 rq_arg;	  /* io: which argument of a tracepoint is the request */
	char comm_glob[ABI_GLOB_LEN];
};
_Static_assert(sizeof(struct abi_config) == 80, "abi_config");

/* What an event is summed under. */
struct abi_key {
	__u64 who;    /* abi_thread.id */
	__u64 stack;  /* abi_stack.id; 0: none was asked for */
	__u64 tag;    /* the mode's: device, operation … */
	__u32 bucket; /* of the value; ABI_NO_BUCKET: no distribution */
	__u32 epoch;  /* of the slot; not part of the key */
};

#define ABI_NO_BUCKET 0xffffffffu

struct abi_slot {
	struct abi_key key;
	__u64 count, total, min, max;
};
_Static_assert(sizeof(struct abi_slot) == 64, "a slot is a cache line");

/* One CPU's slots of one generation: open addressing, valid where key.epoch is the region's. */
struct abi_region {
	__u32 epoch; /* user space adds 1 once the region is read: that empties it */
	__u32 used;
	__u32 busy; /* an event is writing; one that interrupts it spills to the ring */
	__u32 pad[13];
	struct abi_slot slots[];
};
_Static_assert(sizeof(struct abi_region) == 64, "abi_region's head");

/* What passes through the ring. */
enum abi_record_type {
	ABI_THREAD = 1,
	ABI_STACK,
	ABI_SPILL, /* a sample that found no slot */
	ABI_EVENT, /* a sample that is to be listed by itself; it is counted elsewhere */
};

struct abi_thread {
	__u32 type;
	__u32 tgid, tid;
	__u32 exec_id;
	__u64 id;
	__u64 start_ns; /* CLOCK_BOOTTIME when the process was made */
	__u64 time;
	char comm[ABI_COMM_LEN];
};
_Static_assert(sizeof(struct abi_thread) == 56, "abi_thread");

enum abi_frames { ABI_KERNEL_FRAMES, ABI_USER_FRAMES, ABI_FRAME_KINDS };

/* Its frames follow it: nr[0] + nr[1] addresses, leaf first, kind by kind. */
struct abi_stack {
	__u32 type;
	__u32 tgid;
	__u64 id;
	__u64 start_ns; /* of the process */
	__u64 time;	/* CLOCK_MONOTONIC */
	__u32 exec_id;
	__s32 error; /* why the user stack could not be taken; 0: it was, or was not asked for */
	__u32 nr[ABI_FRAME_KINDS];
};
_Static_assert(sizeof(struct abi_stack) == 48, "abi_stack");

struct abi_event {
	__u32 type;
	__u32 pad;
	__u64 time;
	__u64 value;
	struct abi_key key;
};
_Static_assert(sizeof(struct abi_event) == 56, "abi_event");

/* An event under way, of a mode whose events begin and end: the values of its map `started`. */
struct abi_started {
	__u64 queued, issued; /* CLOCK_MONOTONIC; 0: not (yet) */
	__u64 who, stack;     /* who 0: not one that was asked for */
	__u32 again;	      /* put back by the driver */
	__u32 open;	      /* 0: it ended, nothing here is of use */
};
_Static_assert(sizeof(struct abi_started) == 40, "abi_started");

/* Per-CPU counters of the kernel half; user/collect/drain.c maps them to quality ids. */
enum abi_counter {
	ABI_COUNT_LOST,	      /* no slot, and no room in the ring */
	ABI_COUNT_SPILLED,    /* no slot, sent through the ring */
	ABI_COUNT_STACK_LOST, /* a stack or thread that found no room in the ring */
	ABI_COUNT_UNREADABLE,
	ABI_COUNT_NO_START,
	ABI_COUNT_MERGED,
	ABI_COUNT_REQUEUED,
	ABI_COUNT_SPLIT,
	ABI_COUNTERS
};
