/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two sums that reports are made of: functions with what they took
 * themselves and with all they called, and distributions by labels.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"
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
/* The same without buckets for who was measured: by process (pid, comm), heaviest first. */
struct process_sum {
	uint32_t who; /* one of its threads */
	uint64_t value[2];
};
int summary_processes(const struct profile *p, struct process_sum **ret);
