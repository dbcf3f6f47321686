/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a runtime writes down of its pauses itself, in memory that can be read:
 * the last resort where its file has nothing that can be probed. A ledger is
 * one process's; collect/ledgers.c opens and reads them. Pauses have a time
 * and a sum, and no stack.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "runtime/runtime.h"

/* A pause; or several, of which only the sum is known. */
struct ledger_pause {
	uint64_t tag; /* as probe_site.tag of the same mode */
	bool is_sum;
	uint64_t count, total_ns;
	uint64_t end; /* CLOCK_MONOTONIC as the process sees it; sums: 0 */
};
typedef int (*ledger_fn)(void *ctx, const struct ledger_pause *p);

/* What counts of what is written down when a ledger is opened. */
enum ledger_from {
	LEDGER_FROM_NOW,  /* nothing: it was there before the measuring */
	LEDGER_FROM_TIME, /* what began later: until then it was a copy of another process */
	LEDGER_FROM_BEGIN,
};

struct ledger_process {
	struct target_memory memory;
	uint64_t bias;
	enum ledger_from from;
	uint64_t time; /* CLOCK_MONOTONIC */
};

struct ledger;

struct ledger_reader {
	const char *mark; /* what stands for its stacks: "[stack unknown: …]" */
	const char *text; /* what it does, for people: "read from …" */
	/* Has the file a runtime that keeps one? 1: *ret_runtime is where, for open(); 0, -ENOMEM.
	 */
	int (*find)(const struct runtime_image *image, uint64_t *ret_runtime);
	/* Nothing is read yet. 0 or -ENOMEM. */
	int (*open)(const struct ledger_process *p, uint64_t runtime, struct ledger **ret);
	/*
	 * What came since the last look. ret_nr_unknown: runtimes that lived there some of whose
	 * pauses can't be known any more. 0; -EAGAIN: not all of it could be read now; -ESRCH: the
	 * process is gone; -ENOTSUP with `why`: it is no such ledger; or what fn said, if negative.
	 */
	int (*read)(struct ledger *l, ledger_fn fn, void *ctx, uint64_t *ret_nr_unknown,
		    struct strbuf *why);
	/* How many runtimes live there, as last seen; 0: none was ever seen. */
	uint32_t (*nr)(const struct ledger *l);
	void (*free)(struct ledger *l);
};
