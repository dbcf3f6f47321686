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

#include "abi_probe.h"
#include "abi_python.h"

enum {
	ABI_COMM_LEN = 16,
	ABI_GLOB_LEN = 32,
	ABI_MAX_DEPTH = 1024, /* frames of one kind in a stack */
	ABI_DEFAULT_DEPTH = 256,
	ABI_MAX_CPUS = 1024,
	ABI_GENERATIONS = 2,
};

/* What stands in `target_pids`. */
enum {
	ABI_TARGET_RUNS = 1,
	ABI_TARGET_ENDS, /* its last thread is on its way out */
};

enum abi_flag {
	ABI_USER_STACK = 1 << 0,
	ABI_KERNEL_STACK = 1 << 1,
	ABI_FILTER_PID = 1 << 2,
	ABI_FILTER_TID = 1 << 3,
	ABI_FILTER_COMM = 1 << 4,
	ABI_FILTER_CGROUP = 1 << 5,
	ABI_FILTER_CPU = 1 << 6,
	ABI_CHILDREN = 1 << 7,	  /* what a measured process forks is measured too */
	ABI_QUEUE_PHASE = 1 << 8, /* io: measure the time in the queue too */
	ABI_TABLES = 1 << 9,	  /* walk user stacks by tables; else the kernel does, by fp */
	ABI_COOKIES = 1 << 10,	  /* a probe's cookie is its place in the map `probes` */
	ABI_MULTI = 1 << 11,	  /* … and many are attached at once */
};

/* Settings, written before load and constant to the verifier afterwards. */
struct abi_config {
	__u64 seed;
	__u64 slower;	  /* events of at least this value are listed singly; 0: none */
	__u64 period;	  /* value of one sample of a clock */
	__u64 code_mask;  /* bits that user addresses have; others in a return address sign it */
	__u32 flags;	  /* enum abi_flag */
	__u32 max_depth;  /* kernel frames that are taken */
	__u32 slot_mask;  /* slots of a region, minus 1 */
	__u32 seen_mask;  /* entries of the table of sent ids, minus 1 */
	__u32 nr_regions; /* CPUs */
	__u32 rq_arg;	  /* io: which argument of a tracepoint is the request */
	__u32 max_user_depth;
	__u32 space_mask; /* entries of the table of address spaces, minus 1 */
	char comm_glob[ABI_GLOB_LEN];
};
_Static_assert(sizeof(struct abi_config) == 96, "abi_config");

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
	__u32 busy; /* events that want to write; but for the first they spill to the ring */
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
	ABI_ASK,   /* a walk lacked tables */
	ABI_COPY,  /* … and what it walked */
	ABI_START, /* an interpreter starts: an abi_ask */
	ABI_CODE,  /* what an interpreter runs, seen for the first time */
	ABI_TEXT,  /* a text of a program that a tag has the id of */
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

/* What is known of a process that ended: process_end.bpf.h. */
struct abi_process_end {
	__u64 start_ns; /* as abi_thread's */
	__u64 cpu_ns;	/* that it ever used; 0: not known, or not yet */
	__u64 has_threads;
};

enum abi_frames { ABI_KERNEL_FRAMES, ABI_USER_FRAMES, ABI_FRAME_KINDS };

/*
 * Of a user frame: it is the interpreter's loop, which runs frames of the interpreted stack up to
 * the next one that is ABI_CALL_ENTERED. Where loops are known by their code: the loop of the call
 * behind the next ABI_CALL_LAST is this one or further out. No address has this bit.
 */
#define ABI_FRAME_RUNS (1ull << 62)

/* Why a walk of a user stack ended. */
enum abi_stop {
	ABI_STOP_NONE,	      /* there was no user stack, or none was asked for */
	ABI_STOP_KERNEL,      /* the kernel walked it, by frame pointers: it doesn't say */
	ABI_STOP_ROOT,	      /* at its root: a caller that is said to be undefined, or 0 */
	ABI_STOP_DEPTH,	      /* at the depth limit */
	ABI_STOP_MEMORY,      /* where memory could not be read */
	ABI_STOP_NO_FRAME,    /* in code without a table, and without a frame pointer */
	ABI_STOP_NO_PROGRESS, /* the caller would not have been further up the stack */
	ABI_STOP_REGISTER,    /* its caller needs a register that is not known there */
	ABI_STOP_RULE,	      /* its caller needs a rule that tables can't say */
	ABI_STOP_UNREADABLE,  /* at once: no registers, no stack */
	ABI_STOPS
};

enum abi_stack_flag {
	ABI_STACK_APPROXIMATE = 1 << 0, /* a table was not there yet: steps by frame pointers */
	ABI_STACK_COPIED = 1 << 1,	/* an abi_copy of it was sent before */
	ABI_STACK_CALLS = 1 << 2, /* calls of the interpreter alone: there is nothing to join */
};

/* Why a walk of the interpreted stack ended. */
enum abi_interpreted {
	ABI_INTERPRETED_NONE, /* the process has no interpreter that is known, or the thread none */
	ABI_INTERPRETED_WHOLE,	   /* at its first frame */
	ABI_INTERPRETED_DEPTH,	   /* the depth limit: calls in its middle are left out */
	ABI_INTERPRETED_MEMORY,	   /* where memory could not be read */
	ABI_INTERPRETED_STRANGER,  /* what should be the thread's state is not */
	ABI_INTERPRETED_AMBIGUOUS, /* one of several interpreters, and nothing says which */
	ABI_INTERPRETED_STOPS
};

/*
 * A call in an interpreted stack. Which code object, by its address and `check`, a hash of what it
 * points to: memory is used again.
 */
struct abi_call {
	__u64 code;
	__u32 at;    /* bytes from `code` to the instruction, or its index; ABI_CALL_NOWHERE */
	__u32 check; /* but for ABI_CALL_FLAGS; 0: the object could not be read */
};
_Static_assert(sizeof(struct abi_call) == 16, "abi_call");

#define ABI_CALL_NOWHERE 0xffffffffu
#define ABI_CALL_ENTERED 1u /* the interpreter's loop was entered with this call */
#define ABI_CALL_TASK	 2u /* it is the outermost one of an asynchronous task */
#define ABI_CALL_LAST	 4u /* of its interpreter's: the next one is of another that called it */
#define ABI_CALL_FLAGS	 7u

enum {
	ABI_MAX_CALLS = 512,	 /* that are kept of an interpreted stack … */
	ABI_ROOT_CALLS = 64,	 /* … so many of them at its root, of a longer one: a ring */
	ABI_CALLS_WALKED = 4096, /* that are followed */
	ABI_MAX_ENTRIES = 128, /* times that the loop was entered, of which we look for the frame */
	ABI_MAX_TASKS = 8,     /* that await the running one, each because of the one before … */
	ABI_TASK_CALLS = 16,   /* … with so many suspended calls each */
	ABI_MAX_AWAITERS = ABI_MAX_TASKS * ABI_TASK_CALLS,
	ABI_NAME_TEXT = 72,
};

/* How a list of awaiting tasks ended. */
enum abi_awaited {
	ABI_AWAITED_WHOLE,   /* nothing awaits the last one; or there is no task */
	ABI_AWAITED_SEVERAL, /* several do: which of them it is for is not known */
	ABI_AWAITED_DEPTH,   /* more tasks, or calls of one, than are followed */
	ABI_AWAITED_LOST,    /* what awaits can't be read, or has no frames */
	ABI_AWAITED_ENDS
};

/* What a program calls a task. What is not used of the text is 0. */
struct abi_name {
	__u32 nr;   /* characters, also those that found no room */
	__u32 kind; /* bytes each: 1, 2 or 4 */
	__u64 text[ABI_NAME_TEXT / 8];
};
_Static_assert(sizeof(struct abi_name) == 80, "abi_name");

/*
 * Its frames follow it: nr[0] + nr[1] addresses, leaf first, kind by kind. Callers are return
 * addresses, but for those that a walk by tables found: these are addresses of the call. Then
 * nr_calls abi_call: if more were walked, the last ABI_ROOT_CALLS are a ring, the next
 * one of which would have gone to `calls_walked % ABI_ROOT_CALLS`. Then nr_awaiters abi_call, of
 * the tasks that await the one that runs: task by task, each from its outermost call
 * (ABI_CALL_TASK) inwards. Then, if has_name, the running task's abi_name.
 */
struct abi_stack {
	__u32 type;
	__u32 tgid;
	__u64 id;
	__u64 start_ns; /* of the process */
	__u64 time;	/* CLOCK_MONOTONIC */
	__u32 exec_id;
	__u8 stop;  /* enum abi_stop */
	__u8 flags; /* enum abi_stack_flag */
	__u16 pad;
	__u32 nr[ABI_FRAME_KINDS];
	__u64 space;	/* token of the address space … */
	__u32 mappings; /* … and which list of its mappings the walk went by; 0: none */
	__u32 runtime;	/* abi_space.runtime that the interpreted stack was walked by; 0: none */
	__u16 nr_calls;
	__u16 calls_walked;
	__u8 interpreted; /* enum abi_interpreted */
	__u8 awaited;	  /* enum abi_awaited */
	__u8 nr_awaiters;
	__u8 has_name;
};
_Static_assert(sizeof(struct abi_stack) == 72, "abi_stack");

enum {
	ABI_STACK_WORDS = ABI_FRAME_KINDS * ABI_MAX_DEPTH + 2 * (ABI_MAX_CALLS + ABI_MAX_AWAITERS) +
			  sizeof(struct abi_name) / 8,
};
_Static_assert(ABI_STACK_WORDS % 2 == 0, "words are hashed two at a time");

/*
 * A code object, raw, when a stack first had it. Parts that could not be read have size 0 or are
 * shorter than they should be: user space reads the process's memory then. The record ends with
 * what there is of the lines.
 */
enum { ABI_CODE_BYTES = 256, ABI_CODE_TEXT = 320, ABI_CODE_LINES = 2048, ABI_CODE_TEXTS = 2 };

struct abi_code {
	__u32 type;
	__u32 tgid;
	__u64 start_ns; /* of the process */
	__u64 time;	/* CLOCK_MONOTONIC */
	__u64 space;
	__u64 family; /* abi_runtime.family */
	__u64 code;
	__u32 runtime; /* abi_space.runtime */
	__u32 check;   /* ABI_CALL_FLAGS clear */
	__u32 object_size;
	__u32 text_sizes[ABI_CODE_TEXTS];
	__u32 lines_size;
	__u8 object[ABI_CODE_BYTES];		   /* from `code` on */
	__u8 texts[ABI_CODE_TEXTS][ABI_CODE_TEXT]; /* the string objects: file, qualified name */
	__u8 lines[ABI_CODE_LINES];		   /* the bytes object of its lines */
};
_Static_assert(sizeof(struct abi_code) == 72 + 256 + 2 * 320 + 2048, "abi_code");

struct abi_event {
	__u32 type;
	__u32 pad;
	__u64 time;
	__u64 value;
	struct abi_key key;
};
_Static_assert(sizeof(struct abi_event) == 56, "abi_event");

enum {
	ABI_TEXT_BYTES = 56,
	/* Where its id stands in the tag, of modes that have texts. */
	ABI_TEXT_SHIFT = 40,
	ABI_TEXT_BITS = 24,
	ABI_TEXT_UNKNOWN = 1, /* the id of what could not be read; 0: there is none */
};

/*
 * A text in a program's memory, up to its NUL or ABI_TEXT_BYTES - 1. Two may have one id: user
 * space finds that out.
 */
struct abi_text {
	__u32 type;
	__u32 id;
	union { /* 0 behind its end */
		char text[ABI_TEXT_BYTES];
		__u64 words[ABI_TEXT_BYTES / 8];
	};
};
_Static_assert(sizeof(struct abi_text) == 64, "abi_text");

enum { ABI_MAX_ASKED = 4 };

/*
 * Addresses of a process where a walk found no table. Sent once a space and 64 KB. ABI_START, with
 * none: the process just started, and executes what was seen to have an interpreter.
 */
struct abi_ask {
	__u32 type;
	__u32 tgid;
	__u64 space;
	__u64 start_ns; /* of the process */
	__u64 time;	/* CLOCK_MONOTONIC */
	__u32 exec_id;
	__u32 nr;
	__u64 program; /* the file that it executes, as a number; 0: there is none */
	__u64 addresses[ABI_MAX_ASKED];
};
_Static_assert(sizeof(struct abi_ask) == 80, "abi_ask");

/*
 * Programs that have an interpreter, in the map `programs`: a cache, in which each has one place.
 * Written by user space, when it found one in a process that executes it.
 */
enum { ABI_PROGRAMS = 1024 };

static inline __u32 abi_program_at(__u64 program)
{
	return (__u32)(program >> 20) & (ABI_PROGRAMS - 1);
}

/* An ask together with the stack that lacked tables, to be walked again once they are there. */
enum {
	ABI_COPY_STEP = 4096,
	ABI_COPY_SMALL = 2 * ABI_COPY_STEP, /* of a main thread near its beginning */
	ABI_COPY_LARGE = 16 * ABI_COPY_STEP,
	ABI_COPY_PAUSE_NS = 100000, /* of a CPU */
	ABI_COPY_ENTRIES = 64,
	ABI_RED_ZONE = 128,
};

struct abi_copy {
	struct abi_ask ask;
	__u64 stack;	     /* id of the abi_stack */
	__u64 from;	     /* address of memory[0] */
	__u32 size;	     /* bytes of it that could be read; the record has room for more */
	__u32 nr_entries;    /* as in struct walk; the first ABI_COPY_ENTRIES are here */
	__u64 registers[36]; /* as in struct pt_regs */
	__u64 entries[ABI_COPY_ENTRIES];
	char memory[];
};
_Static_assert(sizeof(struct abi_copy) == 80 + 24 + 288 + 512, "abi_copy");

/*
 * Tables for the walk (cfi.h) and the lists of mappings stand in one memory, an array of maps:
 * a location is of a 32-bit word, `block << 14 | word`, ABI_SEGMENT_BLOCKS blocks of 64 KB a map.
 */
enum {
	ABI_BLOCK_WORDS = 16384,
	ABI_SEGMENT_BLOCKS = 16,
	ABI_MAX_SEGMENTS = 2048, /* a location has 29 bits */
};

/* What a walk does in a mapping. */
enum abi_mapping_kind {
	ABI_MAPPING_UNKNOWN,  /* a file whose table has not been asked for yet */
	ABI_MAPPING_TABLE,    /* goes by its pages */
	ABI_MAPPING_NO_TABLE, /* steps by frame pointers: code that was made at run time … */
	ABI_MAPPING_KEEPS_FP, /* … or that is known to keep them */
};

/*
 * Executable memory of an address space: a sorted list, within one block. In the two words before
 * the first one stands the list's number, 48 bits, which no other list has or will have.
 */
struct abi_mapping {
	__u64 start, end;
	__u32 page; /* TABLE: location of the word (CFI_PAGE) of the page that `start` is in */
	__u16 low;  /* where in that page */
	__u16 kind;
};
enum { ABI_MAPPING_WORDS = 6, ABI_MAX_MAPPINGS = (ABI_BLOCK_WORDS - 2) / ABI_MAPPING_WORDS };
_Static_assert(sizeof(struct abi_mapping) == 4 * ABI_MAPPING_WORDS, "abi_mapping");

/*
 * What is mapped where, by address space. Open addressing: a token stands in one of
 * ABI_SPACE_PROBES entries from its low bits on. User space alone writes.
 */
struct abi_space {
	__u64 token;	/* hash of tgid, start and exec id; 0: free */
	__u64 mappings; /* number << 32 | location of the first; changes at once */
	__u32 runtime;	/* place in the table of runtimes; 0: no interpreter is known here */
	__u32 pad;
};
enum { ABI_SPACE_PROBES = 4 };

enum abi_runtime_kind { ABI_RUNTIME_NONE, ABI_RUNTIME_PYTHON };

/*
 * How an interpreter's stack is found and walked, in one process. User space writes it before
 * a space refers to it, and writes it again only when no program can read it.
 *
 * Or what a file alone says of all its processes, for calls of Python: it is there before any of
 * them is. Addresses are the file's: a probe in it tells what a process adds to them.
 */
struct abi_runtime {
	__u32 kind; /* enum abi_runtime_kind */
	__u32 of_file;
	/* Of processes that were forked of one, without an exec since: an address and its
	 * check are the same object. Of a file: 0, each address space is one by itself. */
	__u64 family;
	struct abi_python python;
	/*
	 * Of a file: the linker's word that has python.held.offset. Where python.held.module is not
	 * 0, there are two, that module, and what is added to the offset. 0: the offset is known.
	 */
	__u64 held_at;
};

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
	ABI_COUNT_NO_START,
	ABI_COUNT_MERGED,
	ABI_COUNT_REQUEUED,
	ABI_COUNT_SPLIT,
	ABI_COUNT_UNRETURNED, /* spans that were left without their end: longjmp, exception, exit */
	ABI_COUNTERS
};
