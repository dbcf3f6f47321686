/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk of a user stack by compiled call-frame information (cfi.h): one
 * step from a frame to its caller. The same code runs in the kernel half and
 * on the host. Who includes it defines before:
 *
 *	const __u32 *walk_block(w, __u32 location)   the CFI_BLOCK_WORDS words that a location
 *	                                             lies in; NULL: there are none
 *	long walk_copy(w, void *to, __u32 size, __u64 from)   user memory; not 0: unreadable
 *	struct walk_known *walk_known(w, __u64 hash)   one of the rules that this CPU knows; NULL
 *	__u64 walk_thread(w)   the thread pointer; 0: it isn't known
 *	__u64 walk_code_mask(w)   arm64: the bits that an address of code may have
 *
 * Who knows of return probes says WALK_RETURNS before, and after it defines
 *
 *	void walk_next_return(struct walk *w)   sets the next return_at and return_to
 *
 * w: const struct walk *.
 *
 * All that is read may be enemy input: every index is masked where it is used,
 * and each step either ends the walk or goes up the stack, or, WALK_MAX_STACKS
 * times at most, over to another one.
 */
#pragma once
#include "abi.h"
#include "cfi.h"

enum {
	WALK_WINDOW = 1024,	 /* bytes of stack read at once: they cost two reads of a word */
	WALK_REGISTERS = 64,	 /* words kept of struct pt_regs, and more: a mask */
	WALK_FP_FRAME = 1 << 20, /* no frame that a frame pointer leads to is larger, in bytes */
	WALK_MAPPING_STEPS = 12, /* halvings that find one of ABI_MAX_MAPPINGS */
	WALK_ROW_STEPS = 14,	 /* … and one of a page's rows */
	WALK_MAX_STACKS = 32,	 /* that a walk goes over to: calls between two languages nest */
};

#define WALK_NO_WINDOW 1ull /* no word's address */
#define WALK_NO_ENTRY  ~0ull

/*
 * A rule that was found once: the same few hundred callers come again and again, and one line of
 * memory replaces the four that the search touches. Good for one list of mappings: lists have
 * numbers that are never used again.
 */
struct walk_known {
	__u64 check; /* the address, mixed with `rule`: walk_known_check() */
	__u64 rule;  /* of the list `rule >> 16` */
};

struct walk {
	__u64 list; /* number of the list of mappings; 0: there is none */
	__u64 pc, sp, fp;
	__u64 window_at; /* user address of what `window` holds, or WALK_NO_WINDOW */
	/* The mapping that the last frame lay in; size 0: none yet. */
	__u64 start, size;
	__u32 page, low, kind;	     /* as in struct abi_mapping */
	__u32 mappings, nr_mappings; /* the address space's: location of the first; number */
	__u32 first, nr, max;	     /* where the frames begin, how many they are and may be */
	__u8 exact;		     /* pc is where the thread was: no return address */
	__u8 whole;		     /* `registers` are this frame's */
	__u8 has_base;		     /* … or only the one of WALK_BASE is */
	__u8 stop;		     /* enum abi_stop */
	__u8 flags;		     /* enum abi_stack_flag */
	__u8 nr_stacks;		     /* other than the first that it went over to */
	__u8 at_entry;		     /* the first frame's function was called just now */
	/*
	 * A return probe replaces the return address of a call that it waits for: the innermost one
	 * where that is so, and what stood there. `returns`: the includer's. return_at 0: none.
	 */
	__u64 returns, return_at, return_to;
	__u32 nr_asked;
	__u64 asked[ABI_MAX_ASKED]; /* addresses for which there is no table yet */
	/*
	 * Where on the stack an interpreter's loop keeps something, innermost first: the frame
	 * that has it is marked ABI_FRAME_RUNS. `entry`: the next one, or WALK_NO_ENTRY.
	 */
	__u64 entry;
	__u32 nr_entries, next_entry;
	__u64 entries[ABI_MAX_ENTRIES];
	__u64 registers[WALK_REGISTERS];
	__u64 window[WALK_WINDOW / 8];
};

/* The caller: its sp; where in memory its pc and frame pointer are, or 0: in `ra` and `fp`. */
struct walk_caller {
	__u64 cfa, ra_at, fp_at, ra, fp;
	__u64 base; /* if has_base */
	__u8 has_base;
	__u8 is_elsewhere; /* on another stack */
};

#ifdef WALK_RETURNS
static inline void walk_next_return(struct walk *w);
#else
static inline void walk_next_return(struct walk *w)
{
	w->return_at = 0;
}
#endif

static inline int walk_stop(struct walk *w, __u8 stop)
{
	w->stop = stop;
	return 1;
}

#if defined(__TARGET_ARCH_arm64) || (defined(__aarch64__) && !defined(__TARGET_ARCH_x86))
#include "walk_arm64.h"
#else
#include "walk_x86.h"
#endif

/* One word of a location's block. */
static inline __u32 walk_word(const __u32 *block, __u32 at)
{
	return block[at & (CFI_BLOCK_WORDS - 1)];
}

/* Two words, at an even place. */
static inline __u64 walk_long(const __u32 *block, __u32 at)
{
	return *(const __u64 *)&block[at & (CFI_BLOCK_WORDS - 2)];
}

/*
 * The searches are free of branches: a verifier that has to follow both ways of each comparison
 * is not done in any time. ~0 if a <= b, for numbers below 2^63.
 */
static inline __u32 walk_not_above(__u64 a, __u64 b)
{
	return ~(__u32)((__s64)(b - a) >> 63);
}

/* Goes on to the next loop. */
static inline void walk_enter(struct walk *w)
{
	w->entry = w->next_entry < w->nr_entries
			   ? w->entries[w->next_entry++ & (ABI_MAX_ENTRIES - 1)]
			   : WALK_NO_ENTRY;
}

static inline void walk_ask(struct walk *w, __u64 address)
{
	w->flags |= ABI_STACK_APPROXIMATE;
	if (w->nr_asked < ABI_MAX_ASKED)
		w->asked[w->nr_asked++ & (ABI_MAX_ASKED - 1)] = address;
}

/* Looks the address up among the mappings. Sets start to kind; false: it is in none of them. */
static inline int walk_find_mapping(struct walk *w, __u64 at)
{
	const __u32 *block;
	__u32 n = 0, left = w->nr_mappings, entry;
	__u64 start, end;

	if (at - w->start < w->size)
		return 1;
	if (!left || at >> 63)
		return 0;
	block = walk_block(w, w->mappings);
	if (!block)
		return 0;
	for (int i = 0; i < WALK_MAPPING_STEPS; i++) {
		__u32 half = left >> 1;

		if (left <= 1)
			break;
		start = walk_long(block, w->mappings + (n + half) * ABI_MAPPING_WORDS);
		n += half & walk_not_above(start, at);
		left -= half;
	}
	entry = w->mappings + n * ABI_MAPPING_WORDS;
	start = walk_long(block, entry);
	end = walk_long(block, entry + 2);
	if (at < start || at >= end)
		return 0;
	w->start = start;
	w->size = end - start;
	w->page = walk_word(block, entry + 4);
	w->low = walk_word(block, entry + 5) & 0xffff;
	w->kind = walk_word(block, entry + 5) >> 16;
	return 1;
}

/* The number that stands before a list of mappings. */
static inline __u64 walk_list_number(const struct walk *w, __u32 mappings)
{
	const __u32 *block = mappings ? walk_block(w, mappings) : (void *)0;

	return block ? walk_long(block, mappings - 2) : 0;
}

/* The row in force at an address of the last mapping. *ret_index: where its page's index is. */
static inline __u32 walk_find_rule(const struct walk *w, __u64 at, __u32 *ret_index)
{
	__u64 relative = at - w->start + w->low;
	__u32 page = w->page + (__u32)(relative >> CFI_PAGE_SHIFT);
	__u32 low = relative & 0xffff, shift, index, n, left, rows;
	const __u32 *block = walk_block(w, page);
	const __u16 *buckets;

	if (!block)
		return CFI_GAP;
	page = walk_word(block, page);
	block = walk_block(w, CFI_PAGE_LOCATION(page));
	if (!block)
		return CFI_GAP;
	index = CFI_PAGE_LOCATION(page) & (CFI_BLOCK_WORDS - 1);
	shift = CFI_PAGE_SHIFT_OF(page);
	buckets = (const __u16 *)block;
	rows = 2 * index + (low >> (CFI_BUCKET_SHIFT + shift));
	n = buckets[rows & (2 * CFI_BLOCK_WORDS - 1)];
	left = buckets[(rows + 1) & (2 * CFI_BLOCK_WORDS - 1)] - n + 1;
	left &= CFI_BLOCK_WORDS - 1;
	rows = index + CFI_INDEX_WORDS(shift);
	for (int i = 0; i < WALK_ROW_STEPS; i++) {
		__u32 half = left >> 1;

		if (left <= 1)
			break;
		n += half & walk_not_above(walk_word(block, rows + n + half), low << 16 | 0xffff);
		left -= half;
	}
	*ret_index = CFI_PAGE_LOCATION(page);
	return walk_word(block, rows + n) & 0xffff;
}

/* A word of the stack. The window follows the walk; where it can't be read, the word alone is. */
static inline long walk_read(struct walk *w, __u64 at, __u64 *ret)
{
	__u64 offset = at - w->window_at;

	if (offset <= WALK_WINDOW - 8 && !(offset & 7)) {
		*ret = w->window[offset >> 3 & (WALK_WINDOW / 8 - 1)];
		return 0;
	}
	if (!walk_copy(w, w->window, WALK_WINDOW, at)) {
		w->window_at = at;
		*ret = w->window[0];
		return 0;
	}
	w->window_at = WALK_NO_WINDOW;
	return walk_copy(w, ret, 8, at);
}

/* A register's value in the present frame. false: it isn't known here. */
static inline int walk_register(const struct walk *w, __u32 number, __u64 *ret)
{
	if (number == WALK_SP && walk_knows_sp(w))
		*ret = w->sp;
	else if (number == WALK_FP)
		*ret = w->fp;
	else if (w->whole || (w->has_base && number == WALK_BASE))
		*ret = w->registers[number & (WALK_REGISTERS - 1)];
	else
		return 0;
	return 1;
}

/* base: enum cfi_base, or its place below the CFA. */
static inline void walk_base(struct walk *w, __u32 base, struct walk_caller *ret)
{
	if (!WALK_BASE || base == CFI_BASE_UNKNOWN)
		return;
	if (base == CFI_BASE_SAME)
		ret->has_base = walk_register(w, WALK_BASE, &ret->base);
	else
		ret->has_base = !walk_read(w, ret->cfa - 8ull * base, &ret->base);
}

/* The rule at `at`: struct cfi_elsewhere. */
static inline int walk_elsewhere(struct walk *w, const __u32 *block, __u32 at,
				 struct walk_caller *ret)
{
	__u64 first = (__s64)(__s32)walk_word(block, at + 1), value = 0, less = 0;
	__u64 fourth = (__s64)(__s32)walk_word(block, at + 3);
	__u32 offsets = walk_word(block, at + 2);
	int by_stack = (walk_word(block, at) & 0xff) == CFI_BY_STACK;
	__u64 base = by_stack ? w->sp : walk_thread(w);

	/* What leads from the thread is of the stack that it left last. */
	if (!walk_knows_sp(w) || w->nr_stacks >= (by_stack ? WALK_MAX_STACKS : 1))
		return walk_stop(w, ABI_STOP_REGISTER);
	w->nr_stacks++;
	if (!base || walk_copy(w, &value, 8, base + first) ||
	    walk_copy(w, &value, 8, value + (offsets & 0xffff)))
		return walk_stop(w, ABI_STOP_MEMORY);
	if (by_stack ? walk_copy(w, &less, 8, base + fourth)
		     : walk_copy(w, &value, 8, value + (offsets >> 16)) ||
			       walk_copy(w, &value, 8, value + fourth))
		return walk_stop(w, ABI_STOP_MEMORY);
	ret->ra_at = value - less;
	if (!ret->ra_at)
		return walk_stop(w, ABI_STOP_MEMORY);
	ret->cfa = ret->ra_at + 8;
	ret->is_elsewhere = 1;
	return 0;
}

static inline int walk_full_rule(struct walk *w, __u32 index, __u32 n, struct walk_caller *ret)
{
	const __u32 *block = walk_block(w, index);
	__u32 at = index - CFI_RULE_WORDS * (n + 1), head, ra, fp;
	__u64 value = 0;

	if (!block)
		return walk_stop(w, ABI_STOP_RULE);
	head = walk_word(block, at);
	ra = head >> 8 & 0xf;
	fp = head >> 12 & 0xf;
	if (ra == CFI_UNDEFINED)
		return walk_stop(w, ABI_STOP_ROOT);
	if (ra == CFI_ELSEWHERE)
		return walk_elsewhere(w, block, at, ret);
	if (ra == CFI_SAME && !WALK_LINK)
		return walk_stop(w, ABI_STOP_RULE);
	if (!walk_register(w, head & ~CFI_CFA_DEREF & 0xff, &value))
		return walk_stop(w, ABI_STOP_REGISTER);
	ret->cfa = value + (__s32)walk_word(block, at + 1);
	if (head & CFI_CFA_DEREF) {
		if (walk_read(w, ret->cfa, &value))
			return walk_stop(w, ABI_STOP_MEMORY);
		ret->cfa = value + (__s32)walk_word(block, at + 2);
	} else {
		walk_base(w, walk_word(block, at + 2), ret);
	}
	value = ret->cfa;
	if (ra != CFI_AT_CFA &&
	    !walk_register(w, ra == CFI_SAME ? WALK_LINK : head >> 16 & 0xff, &value))
		return walk_stop(w, ABI_STOP_REGISTER);
	value += ra == CFI_SAME ? 0 : (__s64)(__s32)walk_word(block, at + 3);
	if (ra == CFI_IN_REGISTER || ra == CFI_SAME)
		ret->ra = value;
	else
		ret->ra_at = value;
	value = ret->cfa;
	if (fp == CFI_SAME || fp == CFI_UNDEFINED) {
		ret->fp = fp == CFI_SAME ? w->fp : 0;
		return 0;
	}
	if (fp != CFI_AT_CFA && !walk_register(w, head >> 24, &value))
		return walk_stop(w, ABI_STOP_REGISTER);
	value += (__s64)(__s32)walk_word(block, at + 4);
	if (fp == CFI_IN_REGISTER)
		ret->fp = value;
	else
		ret->fp_at = value;
	return 0;
}

/* What a signal interrupted goes on where it was, with all its registers. */
static inline int walk_signal(struct walk *w)
{
	if (!walk_knows_sp(w))
		return walk_stop(w, ABI_STOP_REGISTER);
	w->window_at = WALK_NO_WINDOW;
	if (walk_copy(w, w->window, WALK_SIGNAL_WORDS * 8, w->sp + WALK_SIGNAL_OFFSET))
		return walk_stop(w, ABI_STOP_MEMORY);
	walk_signal_registers(w, w->window);
	w->pc = w->registers[WALK_PC];
	w->sp = w->registers[WALK_SP];
	w->fp = w->registers[WALK_FP];
	w->exact = w->whole = 1;
	return 0;
}

/*
 * No table knows this code. Where it was called just now the call itself tells; else its frame
 * pointer, if it looks like one.
 */
static inline int walk_by_fp(struct walk *w, __u32 rule, struct walk_caller *ret)
{
	if (w->at_entry && w->nr == 1) {
		walk_entry_rule(w, ret);
		return 0;
	}
	if (!w->fp && (rule == CFI_KEPT_FP || !w->exact))
		return walk_stop(w, ABI_STOP_ROOT);
	if (w->fp < w->sp || w->fp - w->sp > WALK_FP_FRAME || w->fp & 7)
		return walk_stop(w, ABI_STOP_NO_FRAME);
	walk_fp_rule(w, ret);
	return 0;
}

/* What goes over to another stack does not if it is there already. */
static inline int walk_to_stack(struct walk *w, struct walk_caller *ret)
{
	if (!w->fp || w->fp & 7 || w->nr_stacks >= WALK_MAX_STACKS)
		return walk_stop(w, ABI_STOP_NO_FRAME);
	ret->is_elsewhere = w->fp - w->sp > WALK_FP_FRAME;
	w->nr_stacks += ret->is_elsewhere;
	walk_fp_rule(w, ret);
	return 0;
}

/*
 * An event that interrupts us on this CPU may write the same entry, before we wrote all of ours or
 * between our reading its words: two words that were not written together are of no address.
 */
static inline __u64 walk_known_check(__u64 at, __u64 rule)
{
	return at ^ rule * 0x9e3779b97f4a7c15ull;
}

/* What is known of an address: a rule, and for a full one its page's index. */
static inline __u32 walk_rule(struct walk *w, __u64 at, __u32 *ret_index)
{
	struct walk_known *known = walk_known(w, at ^ w->list << 32);
	__u64 word = known ? *(volatile __u64 *)&known->rule : 0;
	__u32 rule;

	if (known && word >> 16 == w->list && w->list && known->check == walk_known_check(at, word))
		return word & 0xffff;
	if (!walk_find_mapping(w, at)) {
		w->size = 0;
		w->kind = ABI_MAPPING_UNKNOWN;
	}
	if (w->kind == ABI_MAPPING_UNKNOWN)
		walk_ask(w, at);
	if (w->kind != ABI_MAPPING_TABLE)
		return w->kind == ABI_MAPPING_KEEPS_FP ? CFI_KEPT_FP : CFI_GAP;
	rule = walk_find_rule(w, at, ret_index);
	if (known && rule < CFI_FULL) {
		word = w->list << 16 | rule;
		known->rule = word;
		known->check = walk_known_check(at, word);
	}
	return rule;
}

/* By what the tables say of the present frame. 2: *ret is not used, the walk goes on. */
static inline int walk_caller(struct walk *w, __u64 at, struct walk_caller *ret)
{
	__u32 index = 0, rule = walk_rule(w, at, &index);

	if (rule == CFI_GAP || rule == CFI_KEPT_FP)
		return walk_by_fp(w, rule, ret);
	if (rule == CFI_ROOT)
		return walk_stop(w, ABI_STOP_ROOT);
	if (rule == CFI_SIGNAL)
		return walk_signal(w) ? 1 : 2;
	if (rule >= CFI_FULL)
		return walk_full_rule(w, index, rule - CFI_FULL, ret);
	if (rule == CFI_OTHER_STACK)
		return walk_to_stack(w, ret);
	if (rule == CFI_BROKEN)
		return walk_stop(w, ABI_STOP_RULE);
	return walk_short_rule(w, rule, ret);
}

/*
 * Adds the present frame to `frames` (room for 2 * ABI_MAX_DEPTH), as the address of the call or
 * of where the thread was, and goes on to its caller. Not 0: that was the last one, w->stop says
 * why.
 */
static inline int walk_step(struct walk *w, __u64 *frames)
{
	struct walk_caller caller = { .fp = w->fp };
	__u64 pc = w->pc, at = pc - !w->exact;
	__u64 *frame;
	int r;

	if (w->nr >= w->max)
		return walk_stop(w, ABI_STOP_DEPTH);
	frame = &frames[(w->first + w->nr++) & (2 * ABI_MAX_DEPTH - 1)];
	*frame = at;
	r = walk_caller(w, at, &caller);
	/* Nobody called a signal's trampoline: it is where its handler returns to. */
	if (r == 2)
		*frame = pc;
	if (r)
		return r == 1;
	/* The lower one first: the window then has the other too. */
	if (caller.fp_at && walk_read(w, caller.fp_at, &caller.fp))
		return walk_stop(w, ABI_STOP_MEMORY);
	if (caller.ra_at && walk_read(w, caller.ra_at, &caller.ra))
		return walk_stop(w, ABI_STOP_MEMORY);
	if (w->return_at && caller.ra_at == w->return_at) {
		caller.ra = w->return_to;
		walk_next_return(w);
	}
	if (!caller.ra)
		return walk_stop(w, ABI_STOP_ROOT);
	/* A leaf may have nothing on the stack: its return address is in a register. */
	if (!caller.is_elsewhere &&
	    (caller.cfa < w->sp || (caller.cfa == w->sp && (!w->exact || caller.ra_at))))
		return walk_stop(w, ABI_STOP_NO_PROGRESS);
	if (!caller.is_elsewhere && w->entry - w->sp < caller.cfa - w->sp) {
		*frame |= ABI_FRAME_RUNS;
		walk_enter(w);
	}
	w->pc = walk_address(w, caller.ra);
	w->sp = caller.cfa;
	w->fp = caller.fp;
	w->exact = w->whole = 0;
	w->has_base = caller.has_base;
	if (caller.has_base)
		w->registers[WALK_BASE] = caller.base;
	return 0;
}
