/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parts of gc_python.c share. CPython's collector is one function, or clones of one, which
 * a compiler may have made with fewer arguments: which one is the generation is read from the
 * code that calls them, never taken from a name.
 */
#pragma once
#include "runtime/image.h"
#include "runtime/python_versions.h"

/* Words of struct pt_regs, x86-64: arguments of a call. */
enum { GC_PYTHON_RDI = 14, GC_PYTHON_RSI = 13, GC_PYTHON_RDX = 12, GC_PYTHON_RCX = 11 };

/* What an argument of a call is, as far as instructions before it say. */
struct gc_python_operand {
	enum {
		GC_PYTHON_UNKNOWN,
		GC_PYTHON_NUMBER, /* `number` */
		GC_PYTHON_STACK,  /* an address in the caller's frame */
		GC_PYTHON_WORD,	  /* anything of 32 bits */
		GC_PYTHON_WIDE,	  /* anything of 64 bits */
	} what;
	int64_t number;
};

/* Arguments 0 to 3, in rdi, rsi, rdx, rcx, of the call at an address. */
struct gc_python_call {
	uint64_t address, target;
	struct gc_python_operand operands[4];
};

/*
 * gc_python_calls.c (x86-64). Calls in the code that holds `address`: `take` is shown each, until
 * it returns something else than 0. That, 0, or -ENOMEM.
 */
int gc_python_each_call(const struct image *im, uint64_t address,
			int (*take)(void *ctx, const struct gc_python_call *call), void *ctx);

/*
 * gc_python_asks.c (x86-64): the calls of a collector, and where each is over: a place that only
 * the collector comes back to. Their number; 0: they are not known for sure; -ENOMEM.
 */
struct gc_python_ask {
	uint64_t call, behind;
};
enum { GC_PYTHON_ASKS = 16 };
int gc_python_asks(const struct image *im, uint64_t collector,
		   struct gc_python_ask ret[GC_PYTHON_ASKS]);

enum gc_python_generation {
	GC_PYTHON_UNTOLD,
	GC_PYTHON_FULL, /* the clone is for the oldest one */
	GC_PYTHON_FIRST,
	GC_PYTHON_SECOND, /* argument */
};

/* A collector, or a clone of it. */
struct gc_python_collector {
	uint64_t address;
	enum gc_python_generation generation;
	bool has_reason;   /* third argument: enum _PyGC_Reason of CPython */
	bool is_reentered; /* of 3.12: while it is at work */
	bool is_told;	   /* from 3.13 on it may choose the generation itself, or not to collect */
};

enum { GC_PYTHON_COLLECTORS = 8 };

/*
 * gc_python_find.c: all collectors of a file, by .symtab or from exported PyGC_Collect. *ret_how:
 * for people. Their number, 0: they can't be found; -ENOMEM.
 */
int gc_python_collectors(const struct image *im, const struct python_release *release,
			 struct gc_python_collector ret[GC_PYTHON_COLLECTORS],
			 const char **ret_how);

/*
 * gc_python_callback.c (from 3.13 on, x86-64): where a collector says that it begins. A branch that
 * each collection takes, and what only begins one does not, and where the generation is there; the
 * call that is around, which all make but those with which an interpreter ends: which generation is
 * passed, and where the reason is (how NONE: not known).
 */
struct gc_python_start {
	uint64_t branch;
	struct abi_argument generation;
	uint64_t call;
	struct abi_argument passed, reason;
};
/* 0; -ENOENT: there is none for sure; -ENOMEM. */
int gc_python_start(const struct image *im, uint64_t collector, struct gc_python_start *ret);
/*
 * Calls of which it makes one when it is done, but where an interpreter ends. Their number; 0: they
 * are not known for sure; -ENOMEM.
 */
int gc_python_stops(const struct image *im, uint64_t collector, uint64_t *ret, int max);
