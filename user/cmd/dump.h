/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of `bpfprof dump` share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/strbuf.h"
#include "cmd/frames.h"
#include "model/profile.h"
#include "snapshot/snapshot.h"
#include "view/view.h"

struct live;

enum { DUMP_MAX_PIDS = 256, DUMP_SAMPLE_MS = 100 };

struct dump_settings {
	uint32_t pids[DUMP_MAX_PIDS];
	size_t nr_pids;
	bool user, kernel, as_json;
	struct frames frames;
	struct view_settings view;
};

/* A thread that is to be sampled. */
struct dump_wanted {
	uint32_t tid;
	bool interpreted; /* its process has an interpreter: the first samples don't know it yet */
};

/*
 * Samples what threads of these processes run on a CPU, until each of those wanted was seen or for
 * DUMP_SAMPLE_MS. *ret_live holds the capture. A negative errno with one line in `error`.
 */
int dump_sample(const struct dump_settings *settings, const struct dump_wanted *wanted, uint32_t nr,
		struct live **ret_live, struct strbuf *error);

/* What there is to show of a process. */
struct dump_shown {
	const struct snapshot_process *process;
	/* Samples by thread: those of the snapshot; of those that ran, or NULL. */
	const struct profile *taken, *sampled;
};

/* Prints all processes. The stream's errors are the caller's to check. 0 or -ENOMEM. */
int dump_print(const struct dump_settings *settings, const struct dump_shown *shown, uint32_t nr,
	       FILE *out);
