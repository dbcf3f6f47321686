/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Compiled call-frame information: how to get from a frame to its caller, for
 * every address of a file's code. Made of .eh_frame by user/unwind, read by
 * walk.h in the kernel half and on the host. Pure C.
 *
 * A page is 64 KB of addresses as the file has them (p_vaddr). Its block of
 * 32-bit words is position-independent:
 *
 *	full rules  rule n begins CFI_RULE_WORDS * (n + 1) words before the index
 *	index       16-bit numbers: [b] is the row in force where bucket b begins,
 *	            [buckets] is the last row; filled up to a whole word
 *	rows        ascending; the first begins at 0 and repeats what was in force
 *
 * A row is `first address << 16 | rule`, both 16 bits: its own sort key.
 */
#pragma once

enum {
	CFI_PAGE_SHIFT = 16,
	CFI_BLOCK_WORDS = 16384, /* a block has at most so many: 64 KB */
	/* A bucket has 1 << (CFI_BUCKET_SHIFT + shift) addresses, shift 0 to 7: fewer where rows
	 * are few. */
	CFI_BUCKET_SHIFT = 9,
	CFI_MAX_SHIFT = 7,
	CFI_RULE_WORDS = 5,
	CFI_MAX_RULES = 2048, /* full rules of a page */
};

/* Words of an index. */
#define CFI_INDEX_WORDS(shift) (((1u << (CFI_MAX_SHIFT - (shift))) + 2) / 2)

/*
 * A page in a table: where its index stands (a word's location, 29 bits) and its buckets' size.
 */
#define CFI_PAGE(location, shift) ((location) | (shift) << 29)
#define CFI_PAGE_LOCATION(page)	  ((page)&0x1fffffffu)
#define CFI_PAGE_SHIFT_OF(page)	  ((page) >> 29)

/*
 * A rule, 16 bits. x86-64, where CFI_SPECIAL is not set: CFA = (CFI_FP ? rbp : rsp) + offset * 8,
 * RA at CFA - 8, and rbp at CFA - 8 * slot; slot 0: unchanged, 1: not used.
 *
 * arm64: CFA = (CFI_FP ? x29 : sp) + offset * 16; slot 0: RA in x30, x29 unchanged; 1: x29 at
 * CFA - offset * 16 and x30 behind it; 2 to 15: x29 at CFA - 8 * slot and x30 behind it.
 */
enum {
	CFI_SPECIAL = 0x8000,
	CFI_FP = 0x4000,
	CFI_OFFSET_SHIFT = 4,
	CFI_MAX_OFFSET = 0x3ff, /* before scaling */
	CFI_SLOT_MASK = 0xf,

	CFI_GAP = 0x8000,     /* nothing is known: a frame-pointer step may help */
	CFI_PLT_11 = 0x8001,  /* CFA = rsp + 8 + ((rip & 15) >= 11 ? 8 : 0), RA at CFA - 8 */
	CFI_PLT_10 = 0x8002,  /* the same with 10 */
	CFI_ROOT = 0x8003,    /* RA is undefined: the outermost frame */
	CFI_SIGNAL = 0x8004,  /* a signal trampoline: the kernel's ucontext is at sp */
	CFI_BROKEN = 0x8005,  /* a rule that a row can't say: the walk ends, and says so */
	CFI_KEPT_FP = 0x8006, /* code that keeps frame pointers (Go): exact but in prologues */
	/*
	 * A call made on another stack than its function was called on, whose frame the frame
	 * pointer still leads to, up or down (Go's system stack).
	 */
	CFI_OTHER_STACK = 0x8007,
	CFI_FULL = 0x9000, /* + n: full rule n of the page */
};

/* How a full rule finds a register's value in the caller. */
enum cfi_how {
	CFI_SAME,	 /* not changed */
	CFI_AT_CFA,	 /* in memory at CFA + offset */
	CFI_AT_REGISTER, /* in memory at (register) + offset */
	CFI_IN_REGISTER, /* in (register) + offset */
	CFI_UNDEFINED,	 /* RA: the outermost frame; FP: 0 */
	CFI_ELSEWHERE,	 /* RA: on another stack; struct cfi_elsewhere */
};

/*
 * Where the caller's base register (x86-64: rbx) is; else at CFA - 8 * it. Said in files that have
 * frames that begin at it while they call others, which have full rules alone: the loader's, whose
 * lazy binding does.
 */
enum cfi_base { CFI_BASE_UNKNOWN, CFI_BASE_SAME };

/*
 * A full rule. CFA = (register) + offset, or, with CFA_DEREF, *((register) + offset) + add.
 * A register is the number of its word in the kernel's struct pt_regs (x86-64: r15 0 … rbp 4,
 * rip 16, rsp 19; arm64: x0 0 … x29 29, x30 30, sp 31, pc 32). All but the stack and the frame
 * pointer are known in the innermost frame only, and behind a signal; the base register also
 * as long as rules say where it is.
 */
enum { CFI_CFA_DEREF = 0x80 };

struct cfi_rule {
	unsigned char cfa; /* register, CFI_CFA_DEREF */
	unsigned char how; /* of RA: low four bits, of the frame pointer: high four */
	unsigned char ra_register, fp_register; /* of CFI_AT_REGISTER and CFI_IN_REGISTER */
	int cfa_offset, cfa_add;		/* cfa_add without CFI_CFA_DEREF: enum cfi_base */
	int ra_offset, fp_offset;
};
_Static_assert(sizeof(struct cfi_rule) == CFI_RULE_WORDS * 4, "cfi_rule");

/*
 * A full rule of CFI_ELSEWHERE: the function keeps no frame of its own on the stack that it left.
 * The frame pointer is unchanged, RA at CFA - 8.
 *
 * CFI_BY_THREAD: CFA - 8 is where four offsets lead to, in a chain of words that begins at the
 * thread pointer. It tells of the last time only that the thread left a stack.
 * CFI_BY_STACK: a record's address is at sp + first; CFA - 8 is its word at `second`, less what is
 * at sp + fourth.
 */
enum cfi_elsewhere_how { CFI_BY_THREAD, CFI_BY_STACK };

struct cfi_elsewhere {
	unsigned char from; /* enum cfi_elsewhere_how */
	unsigned char how;  /* CFI_ELSEWHERE */
	unsigned short zero;
	int first;
	unsigned short second, third;
	int fourth, unused;
};
_Static_assert(sizeof(struct cfi_elsewhere) == sizeof(struct cfi_rule), "cfi_elsewhere");
