/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of calls_python.h: calls_python.c, and calls_python_exit.c, where the loop ends. */
#pragma once
#include "runtime/image.h"
#include "runtime/runtime.h"

/* An instruction that the loop passes as it returns, and how far its stack pointer is from the
 * address above the loop's return address then. */
struct calls_python_exit {
	uint64_t address;
	uint32_t above_sp;
};

enum { CALLS_PYTHON_EXITS = 8 };

/*
 * The exits of the loop, whose code is `ranges` (python_find_loop()): each return of a call passes
 * one of them, and nothing else does. A return probe would not do: kernels keep the returns of 64
 * nested calls at most, and a thread that ends inside of one would take its program with it
 * (pthread_exit unwinds the stack). Their number; 0: they can't be told for sure; -ENOMEM.
 */
int calls_python_exits(const struct image *im, const struct runtime_range *ranges,
		       uint32_t nr_ranges, struct calls_python_exit ret[CALLS_PYTHON_EXITS]);
/*
 * Instead its instructions that return, which take some microseconds each where there is a probe.
 * One in a part of the loop that isn't known is missed, which the kernel half finds out.
 */
int calls_python_returns(const struct image *im, const struct runtime_range *ranges,
			 uint32_t nr_ranges, struct calls_python_exit ret[CALLS_PYTHON_EXITS]);
