/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a probe in a program's code means, as data: the kernel half knows of no runtime and no
 * function, only where something begins and ends, and which registers or words of memory say more.
 */
#pragma once
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum abi_probe_role {
	ABI_PROBE_NONE,
	ABI_PROBE_BEGIN, /* something begins in the thread … */
	ABI_PROBE_END,	 /* … and ends: the innermost open one of the same pair */
	ABI_PROBE_COUNT, /* is over at once: counted, without a time */
	/*
	 * A thread asks another one of its process for something, by the address that is in the
	 * register of arguments[0] …
	 */
	ABI_PROBE_ASK,
	ABI_PROBE_ANSWER, /* … which turns to it: what begins in it from now on is the asker's */
	ABI_PROBE_TELL,	  /* says more of the innermost open one: its arguments go into the tag */
};

enum abi_probe_flag {
	/* It is where a function was called from: begin and end belong together by stack pointer.
	 */
	ABI_PROBE_RETURN = 1 << 0,
	ABI_PROBE_IF_TOLD = 1 << 1, /* what nobody told anything of was nothing: it isn't counted */
	ABI_PROBE_IF_ZERO = 1 << 2, /* where arguments[1] isn't 0 it is something else */
	ABI_PROBE_PYTHON = 1 << 3,  /* a call of Python: see calls.bpf.c */
	ABI_PROBE_TURN = 1 << 4,    /* whose cookie has it, too, counts, and no other */
};

/*
 * A cookie is a probe's place, and above it ABI_PROBE_TURN or not: while one link takes the place
 * of another, so that nothing is missed in between, both are attached.
 */
enum { ABI_COOKIE_FLAGS = 32 };

enum abi_argument_how {
	ABI_ARGUMENT_NONE,
	ABI_ARGUMENT_VALUE,    /* `offset` itself */
	ABI_ARGUMENT_REGISTER, /* a register */
	ABI_ARGUMENT_MEMORY,   /* what is `offset` bytes from where a register points */
};

/*
 * A number, of which the lowest `bits`, and 1 added, go into the tag at `shift`: 0 says nothing.
 * bits 0: it is for the kernel half alone. A text is said by its address; what goes into the tag,
 * at ABI_TEXT_SHIFT, is its id (abi_text).
 */
struct abi_argument {
	__u8 how;
	__u8 reg;  /* number of its word in struct pt_regs: as in cfi.h */
	__u8 size; /* 1, 2, 4 or 8 bytes */
	__u8 is_signed;
	__s32 offset;
	__u8 shift, bits;
	__u8 is_text;
	__u8 pad[5];
};
_Static_assert(sizeof(struct abi_argument) == 16, "abi_argument");

enum { ABI_PROBE_ARGUMENTS = 2 };

struct abi_probe {
	__u32 role;  /* enum abi_probe_role */
	__u32 flags; /* enum abi_probe_flag */
	__u64 tag;
	__u32 pair;
	__u32 runtime; /* PYTHON: by which place of `runtimes` its processes are walked */
	__u64 address; /* … and where it is in the file, where addresses of a process are needed */
	struct abi_argument arguments[ABI_PROBE_ARGUMENTS];
};
_Static_assert(sizeof(struct abi_probe) == 64, "abi_probe");

/* What is open in a thread: the nth, from the outermost, 0. */
struct abi_span_key {
	__u32 tid, n;
};

struct abi_span {
	__u64 begin; /* CLOCK_MONOTONIC, ns */
	__u64 inner; /* of its time, what went into spans inside it, ns */
	__u64 sp;    /* where its function was called; 0: it has no place on the stack */
	__u64 who, stack, tag;
	__u32 pair;
	__u32 told;
};
_Static_assert(sizeof(struct abi_span) == 56, "abi_span");
