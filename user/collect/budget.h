/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * --max-memory divided: fixed shares for what is made at the start (maps and
 * rings), the rest for what grows. All sizes are powers of two, in what they count.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct budget {
	uint32_t nr_cpus;	 /* possible ones */
	uint32_t slots;		 /* of a region; there are two regions a CPU */
	uint32_t ring_bytes;	 /* stacks and threads from the kernel half */
	uint32_t seen;		 /* ids remembered as sent */
	uint32_t sideband_pages; /* of one CPU's ring of process records */
	size_t fixed;		 /* bytes that all of these take */
	size_t tables;		 /* bytes for what user stacks are walked by */
	size_t growing;		 /* bytes left for the capture and the process tracker together */
};

/* 0, or -ENOSPC: less than budget_least(). */
int budget_divide(uint64_t max_memory, uint32_t nr_cpus, struct budget *ret);
/* The smallest --max-memory that works with so many CPUs, in bytes. */
uint64_t budget_least(uint32_t nr_cpus);
