/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CPython 3.15's own record of its collections, struct gc_stats of
 * Include/internal/pycore_interp_structs.h: for each generation a ring of the
 * last ones, each with the time it began and ended, and with the number and
 * the seconds of all up to it. So what was overwritten between two looks is
 * still known by number and sum. The process may write while it is copied,
 * and may write anything: an entry counts only if its place in the ring, its
 * times and its sums agree with those of the entry before.
 */
#pragma once
#include <stdint.h>

enum {
	GC_PYTHON_RING_BYTES = 1120, /* of all generations, as the debug offsets say it */
	GC_PYTHON_GENERATIONS = 3,
	GC_PYTHON_RING_MOST = 11, /* entries of a generation */
};

/* How far a generation's collections are known. All 0: it has collected nothing. */
struct gc_python_mark {
	uint64_t nr; /* collections since the interpreter began … */
	double seconds;
	int64_t end; /* of the last one: CLOCK_MONOTONIC of its process */
};

struct gc_python_pause {
	uint64_t ns;
	int64_t end;
};

/* What came since a mark. */
struct gc_python_news {
	uint32_t nr;
	struct gc_python_pause pauses[GC_PYTHON_RING_MOST]; /* oldest first */
	uint64_t nr_lost, lost_ns; /* before them: overwritten, but in the sums */
};

/*
 * `bytes`: GC_PYTHON_RING_BYTES of an interpreter. Each: 0; -EAGAIN: it was copied while it was
 * written, or is no such record: read it again; -ERANGE: it can't be what came after the mark.
 */
/* What came since *mark, which is moved. */
int gc_python_ring_news(const void *bytes, unsigned generation, struct gc_python_mark *mark,
			struct gc_python_news *ret);
/* The last collection that is there. */
int gc_python_ring_last(const void *bytes, unsigned generation, struct gc_python_mark *ret);
/*
 * The last one that began before a time. 1: there is none in the ring any more, *ret is before the
 * oldest one that there is.
 */
int gc_python_ring_before(const void *bytes, unsigned generation, int64_t time,
			  struct gc_python_mark *ret);
