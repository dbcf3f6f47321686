/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sums that reports are made of: functions, and lines of a source, with
 * what they took themselves and with all they called; distributions by labels.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"
#include "base/intern.h"
#include "model/profile.h"

/* A function over all stacks; one that recurs in a stack is counted once in `total`. */
struct function_sum {
	uint32_t frame; /* a frame that shows its name and place: see profile_frame_name() */
	uint64_t self[2], total[2]; /* by profile_value() */
};

/*
 * By function (same name, kind and mapping; of an interpreter also the same file and
 * profile_frame_line(); other lines are summed), heaviest self first, then heaviest
 * total, then name. The caller frees *ret. The number of functions, or -ENOMEM.
 */
int summary_functions(const struct profile *p, struct function_sum **ret);

/* All samples that share a label set. */
struct label_sum {
	uint32_t labels;   /* label set of the profile */
	struct hist *hist; /* NULL where samples have no bucket */
	uint64_t count, total;
};

/*
 * By label set; `by`: only labels of this name tell rows apart (NULL: all do), a set that holds
 * just it is then added to the profile. Largest total first. The caller frees with
 * summary_labels_free(). The number of rows, or -ENOMEM.
 */
int summary_labels(struct profile *p, const char *by, struct label_sum **ret);
void summary_labels_free(struct label_sum *rows, int nr);

/* All samples of one task of a program: those with its label. */
struct task_sum {
	uint32_t task; /* string of the profile */
	uint64_t count, total;
};

/* Of all tasks, largest total first. The caller frees *ret. The number of rows, or -ENOMEM. */
int summary_tasks(const struct profile *p, struct task_sum **ret);

/* The same without buckets for who was measured: by process (pid, comm), heaviest first. */
struct process_sum {
	uint32_t who; /* one of its threads */
	uint64_t value[2];
};
int summary_processes(const struct profile *p, struct process_sum **ret);

/* Orders label sets by their texts. */
int summary_compare_labels(const struct profile *p, const struct label_set *x,
			   const struct label_set *y);

/* Samples of one process that have the same labels, but for those of its tasks. */
struct pause_sum {
	uint32_t process;	 /* place in pauses.processes */
	struct label_set labels; /* good until summary_pauses_done() */
	uint64_t count, total;
	uint32_t first, nr; /* its samples, in pauses.samples */
};

struct pause_process {
	uint32_t pid;
	uint32_t who; /* the heaviest of its threads */
	uint64_t count, total;
	uint32_t first, nr; /* in pauses.sums */
};

/* Processes, largest total first, and their sums, likewise. */
struct pauses {
	struct pause_process *processes;
	struct pause_sum *sums;
	uint32_t *samples; /* ids */
	uint32_t nr_processes, nr_sums;
	struct intern sets;
};

/* Are samples of this profile to be summed up by process, by summary_pauses()? */
bool summary_has_pauses(const struct profile *p);
/* `by`: only labels of this name tell sums of a process apart (NULL: all do). 0 or -ENOMEM. */
int summary_pauses(const struct profile *p, const char *by, struct pauses *ret);
void summary_pauses_done(struct pauses *s);
/* The distribution of a sum. false: its samples have no buckets. */
bool summary_pauses_hist(const struct profile *p, const struct pauses *s,
			 const struct pause_sum *sum, struct hist *ret);
/* What its pauses are a share of; NULL: nothing is known of its time. */
const struct process_time *summary_pauses_time(const struct profile *p,
					       const struct pause_process *process);

/* What ran at the leaf of a stack. */
enum leaf { LEAF_INTERPRETED, LEAF_NATIVE, LEAF_KERNEL, LEAF_OTHER, LEAFS };

/* A line of an interpreted source, over all stacks; values by profile_value(, 0). */
struct line_sum {
	uint32_t line;	      /* 0: it is not known which */
	uint64_t self;	      /* without what other interpreted lines below it took */
	uint64_t total;	      /* once a stack */
	uint64_t leaf[LEAFS]; /* the parts of total */
};

struct source_sum {
	struct line_sum *lines; /* by line; those that ran */
	uint32_t nr;
	uint64_t self, total;
};

/* `file`: string of the profile. 0 or -ENOMEM. */
int summary_source(const struct profile *p, uint32_t file, struct source_sum *ret);
void summary_source_done(struct source_sum *s);

/*
 * Calls of Python, as mode calls sums them up (label "sum"): what pstats shows. Self and total are
 * in the unit of the profile's value that is no count.
 */
struct call_cost {
	uint64_t calls, primitive; /* all; those that no other one of the same is around */
	uint64_t self, total;
};

struct called_function {
	uint32_t frame;
	uint32_t first, nr; /* its callers: in called.callers */
	struct call_cost cost;
};

struct called_from {
	uint32_t function; /* whom: in called.functions */
	uint32_t frame;	   /* who */
	struct call_cost cost;
};

struct called {
	struct called_function *functions; /* largest self first */
	struct called_from *callers;	   /* of each function, largest self first */
	uint32_t nr_functions, nr_callers;
};

/* Has it samples of such calls? Samples of calls are there several times then, summed otherwise. */
bool summary_has_calls(const struct profile *p);
/* 0 or -ENOMEM. */
int summary_calls(const struct profile *p, struct called *ret);
void summary_calls_done(struct called *c);
