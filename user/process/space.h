/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Address spaces, by tgid and time. The spaces of one tgid are a chain, newest
 * first; the newest is what a pid means now. A space that ended, or that an
 * exec or a new process with the same pid took the place of, stays in the
 * chain and waits in a queue, in the order of its end, until space_forget().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "process/ranges.h"

#define SPACE_NO_OBJECT UINT32_MAX

struct space {
	struct space *newer, *older; /* of the same tgid */
	struct space *next;	     /* in the queue of those that ended */
	struct ranges *ranges;
	uint64_t from;	    /* CLOCK_MONOTONIC; 0: before the measuring */
	uint64_t ended;	    /* 0: not yet */
	uint64_t scanned;   /* what /proc said at this time is in ranges; 0: never read */
	uint64_t start_ns;  /* of the process, CLOCK_BOOTTIME; 0: unknown */
	uint64_t next_read; /* not before this may a miss read /proc again */
	uint64_t read_wait; /* and then not for this long */
	uint64_t next_jit;  /* the same for the perf map */
	uint64_t jit_wait;
	uint64_t moved;		    /* entries moved by insertions since ranges was last asked */
	uint64_t changes, replaced; /* times that ranges changed; that code took the place of other
				     */
	uint32_t tgid, parent;
	uint32_t hint;		    /* last range found */
	uint32_t jit, none;	    /* objects of the capture; SPACE_NO_OBJECT */
	uint32_t container, cgroup; /* strings of the capture */
	uint32_t seq;		    /* no two spaces of a tracker have one */
	uint32_t family;	    /* seq of the first of those that were forked of it */
	uint32_t round;		    /* of tracker_rescan() in which it was last seen */
	bool has_cgroup;	    /* container and cgroup were read, not inherited */
	bool no_jit;		    /* the perf map can't be had */
	bool limited;		    /* a bound cost some of its ranges */
	bool gone;		    /* /proc was asked: there is no such process any more */
};

enum { SPACE_PIDS = 1 << 22, SPACE_LEAF = 1 << 10 }; /* the kernel's PID_MAX_LIMIT */

struct space_leaf {
	uint32_t used;
	struct space *newest[SPACE_LEAF];
};

struct space_table {
	struct space_leaf *leaves[SPACE_PIDS / SPACE_LEAF];
	struct space *ended_first, *ended_last;
	struct ranges_budget budget;
	uint32_t nr, seq;
	size_t memory; /* without ranges */
};

void space_table_init(struct space_table *t, size_t max_bytes);
void space_table_done(struct space_table *t);
/* The newest space of a tgid; NULL. */
struct space *space_newest(const struct space_table *t, uint32_t tgid);
/* The space that a tgid had at a time; the oldest known where all are younger; NULL. */
struct space *space_at(const struct space_table *t, uint32_t tgid, uint64_t time);
/* Makes a space the newest of its tgid; the one before ends at `from`. 0, -EINVAL or -ENOMEM. */
int space_add(struct space_table *t, uint32_t tgid, uint64_t from, struct space **ret);
void space_end(struct space_table *t, struct space *s, uint64_t time);
/*
 * Frees spaces that ended before `time`. One that is still its tgid's newest is kept when
 * `lives` says so (threads may outlive the first one), and asked again a second later.
 */
void space_forget(struct space_table *t, uint64_t time, bool (*lives)(void *ctx, struct space *s),
		  void *ctx);
/* Calls fn for each space, the older ones of a tgid too. fn may not add or free spaces. */
void space_each(const struct space_table *t, void (*fn)(void *ctx, struct space *s), void *ctx);
