/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Gives the kernel half what it walks user stacks by: tables of the files that
 * were sampled (user/unwind) and the mappings of the address spaces that were.
 * Both stand in segments, maps of 1 MB that are made when room is needed and
 * written by mmap. What a walk may still read is not written again before
 * no program runs that could have found it: tables_barrier().
 */
#pragma once
#include "abi.h"
#include "base/cleanup.h"
#include "process/tracker.h"

struct bpf_object;
struct runtimes;
struct tables;

struct tables_settings {
	size_t max_bytes;	  /* of segments and of our own memory together */
	const char *cache_folder; /* of compiled tables; NULL: none is used */
	uint64_t max_cache_bytes; /* on disk */
	uint32_t nr_spaces;	  /* entries of the table of address spaces: a power of two */
	uint32_t nr_runtimes;	  /* … of the table of runtimes */
	uint64_t code_mask;	  /* as in struct abi_config */
};

/* Sizes the maps. Before the object is loaded. */
int tables_prepare(const struct tables_settings *settings, struct bpf_object *obj);
int tables_open(struct tables **ret, const struct tables_settings *settings, struct bpf_object *obj,
		struct tracker *tracker, struct capture *capture);
/*
 * For walks that are done here alone: no map is made, and what the kernel half would read stands in
 * `spaces` and `runtimes`, as many of each as the settings say.
 */
int tables_open_here(struct tables **ret, const struct tables_settings *settings,
		     struct abi_space *spaces, struct abi_runtime *runtimes,
		     struct tracker *tracker, struct capture *capture);
void tables_free(struct tables *t);
DEFINE_CLEANUP(struct tables, tables_free)
/*
 * A walk lacked tables: finds them and publishes the space, as the tracker knows it now. 0, or
 * -ENOMEM: what can't be had is not asked for again, and is counted in the capture's quality.
 */
int tables_answer(struct tables *t, const struct abi_ask *ask);
/* A process started (ABI_START): its interpreter is looked for until it is there. As above. */
int tables_start(struct tables *t, const struct abi_ask *ask);
/* A user stack as the kernel half would have sent it, had it had the tables. */
struct tables_stack {
	uint32_t nr;
	uint8_t stop, flags; /* enum abi_stop, enum abi_stack_flag */
	__u64 frames[2 * ABI_MAX_DEPTH];
};
/*
 * Answers what a copy (whole, with all its memory) asks for and walks the copied stack, until
 * nothing more is lacking. 1: *ret is filled; 0: there is no list for the space; -EPROTO or
 * -ENOMEM.
 */
int tables_walk(struct tables *t, const struct abi_copy *c, uint32_t max_depth,
		struct tables_stack *ret);
/* Somebody waits for the next answers: nothing of them is put off to spare the CPU. */
void tables_hurry(struct tables *t);
/* Publishes again the spaces whose mappings changed, forgets those that ended. 0 or -ENOMEM. */
int tables_tend(struct tables *t);
/* Is there a list that waits to be published? Then tables_tend() is due some milliseconds later. */
bool tables_pending(const struct tables *t);
/*
 * No program runs any more that began before the last tables_tend(). What was given up by then is
 * used again from the next tables_tend() on, before which all stacks that such programs sent are
 * to be handed to tables_is_current().
 */
void tables_barrier(struct tables *t);
/*
 * Had nothing that was mapped been replaced when a walk read this list of mappings? Of a stack
 * that was taken when the tracker's time was.
 */
bool tables_is_current(struct tables *t, uint64_t space, uint32_t mappings);
/* How interpreters are walked; NULL: they are not. */
struct runtimes *tables_runtimes(const struct tables *t);
/* The place of the space's runtime, as published; 0: it has none, or it is not known yet. */
uint32_t tables_runtime(const struct tables *t, uint64_t space);
/* A stack with a frame in this object of the capture was counted: it is in use. */
void tables_used(struct tables *t, uint32_t object);
/* Is room scarce, so that tables_used() decides which tables stay? */
bool tables_under_pressure(const struct tables *t);

/* What could not be done, since the start. */
struct tables_counts {
	uint64_t
		no_table; /* files that were asked for and can't have one: not opened, not read … */
	uint64_t no_room;   /* … or that do not fit into the budget at all */
	uint64_t left;	    /* tables that had to leave for others */
	uint64_t postponed; /* tables and lists that came later, for the sake of the CPU */
	uint64_t no_list;   /* lists of mappings that found no room, or no entry */
	uint64_t left_out;  /* mappings that found no room in a list */
};
void tables_count(const struct tables *t, struct tables_counts *ret);
/* Bytes: segments, and our own. */
size_t tables_memory(const struct tables *t);
