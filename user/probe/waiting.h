/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files that wait to be looked at, in the order in which they were mapped. Anybody can map files
 * that take long, one after the other: those of who has cost much already wait apart, so that
 * others need not wait for them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "process/tracker.h"

enum { WAITING_MOST = 65536, WAITING_OWNERS = 4096 };

struct waiting_file {
	struct space_key key;
	uint64_t address, offset; /* … in the file */
	uint32_t owner;		  /* who pays; set by waiting_sort() */
};

struct waiting_queue {
	struct waiting_file *files;
	size_t nr, cap, next;
};

struct waiting {
	struct waiting_queue first, later;
	size_t sorted;			/* of `first` */
	uint64_t spent[WAITING_OWNERS]; /* CPU time by owner, ns; some share one */
	uint64_t refused;		/* for want of room */
};

void waiting_done(struct waiting *w);
/* false: there is no room. */
bool waiting_add(struct waiting *w, const struct space_key *key, uint64_t address, uint64_t offset);
/* Asks whose files those are that came since it was last called. */
void waiting_sort(struct waiting *w, uint32_t (*owner)(void *ctx, const struct space_key *key),
		  void *ctx);
/* Takes the next one out, of those that were sorted. false: there is none. */
bool waiting_take(struct waiting *w, struct waiting_file *ret);
/* … of who has cost much. */
bool waiting_take_later(struct waiting *w, struct waiting_file *ret);
void waiting_spent(struct waiting *w, uint32_t owner, uint64_t ns);
bool waiting_any(const struct waiting *w);
size_t waiting_memory(const struct waiting *w);
