/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A thread may run several interpreters at once, the code of one called by the
 * code of another: each has a state for it, of which one is current. The others are found where
 * their interpreters list them, and walked behind it (python.h), which is the order that they have
 * on the stack unless it is proven otherwise. From 3.11 on their loops' places are that proof.
 *
 * To 3.10 nothing says where a frame's loop is. But the code of a loop that waits for a call needs
 * its frame once more when it returns: so the frame's address is in a register or, saved by what
 * was called, on the stack, further in than where the loop's own part of it ends. What lies before
 * the first word that may be this address is therefore no place of this loop, whatever else the
 * words mean that are found: user space counts the loops up to there (user/collect/join.c).
 */
#pragma once
#include "python.h"

/*
 * Begins or goes on with the lists, the walk of a state being over. Not 0: there are no other
 * interpreters, or the walk did not get to its end.
 */
static inline int python_others_begin(struct python_walk *p, const struct abi_python *l)
{
	if (p->stop != ABI_INTERPRETED_WHOLE || !l->interpreters || !l->interpreter_threads)
		return 1;
	if (p->nr_listed)
		return 0;
	p->interpreter = python_pointer(p, l->interpreters);
	return !p->interpreter || !python_pointer(p, p->interpreter + l->interpreter_next);
}

enum { PYTHON_OTHERS_END = 1, PYTHON_OTHERS_FOUND = 2 };

/* Looks at the next of them. 0: it is nothing; FOUND: a state that has frames, p->frame; END. */
static inline int python_others_step(struct python_walk *p, const struct abi_python *l)
{
	__u64 state = p->listed;

	if (p->nr_listed++ >= PYTHON_MAX_LISTED) {
		/* Loops that are known are counted: what was not found is missed there. */
		if (l->frames != ABI_PYTHON_OBJECTS)
			python_stop(p, ABI_INTERPRETED_AMBIGUOUS);
		return PYTHON_OTHERS_END;
	}
	if (!state) {
		if (!p->interpreter)
			return PYTHON_OTHERS_END;
		p->listed = python_pointer(p, p->interpreter + l->interpreter_threads);
		p->interpreter = python_pointer(p, p->interpreter + l->interpreter_next);
		return 0;
	}
	p->listed = python_pointer(p, state + PYTHON_STATE_NEXT);
	if (state == p->first || !python_is_ours(p, l, state))
		return 0;
	p->state = state;
	return python_find_frame(p, l) || !p->frame ? 0 : PYTHON_OTHERS_FOUND;
}

/*
 * The walk goes on with the state that was found, by python_step(). Not 0: there are too many.
 * *ret_seek: its first loop is to be looked for.
 */
static inline int python_others_enter(struct python_walk *p, const struct abi_python *l,
				      struct abi_call *calls, int *ret_seek)
{
	*ret_seek = 0;
	p->entered = 1;
	if (p->nr == p->nr_before)
		return 0;
	if (p->nr_states++ >= PYTHON_MAX_STATES)
		return python_stop(p, ABI_INTERPRETED_AMBIGUOUS);
	p->nr_before = p->nr;
	calls[python_place(p->nr - 1) & (ABI_MAX_CALLS - 1)].check |= ABI_CALL_LAST;
	*ret_seek = l->frames == ABI_PYTHON_OBJECTS;
	return 0;
}

/* The first of so many words that may be p->frame or derived of it. No branches: walk.h. */
static inline __u32 python_seek_in(const struct python_walk *p, const __u64 *words)
{
	__u32 first = PYTHON_SEEK_WORDS;

	for (__u32 i = PYTHON_SEEK_WORDS; i-- > 0;) {
		__u64 above = words[i] - p->frame;
		__u32 is_it = (__u32)((__s64)(~above & (above - PYTHON_FRAME_FIXED)) >> 63);

		first ^= (first ^ i) & is_it;
	}
	return first;
}

/* Looks at the stack from p->seek on. Not 0: nothing before p->seek is it. */
static inline int python_seek_step(struct python_walk *p, __u64 *words)
{
	__u32 n;

	if (python_read(p, words, PYTHON_SEEK_WORDS * sizeof(*words), p->seek))
		return 1;
	n = python_seek_in(p, words);
	p->seek += n * sizeof(*words);
	return n < PYTHON_SEEK_WORDS;
}

/* Has the native walk mark the frame that p->seek lies in. Not 0: nothing follows from it. */
static inline int python_seek_end(struct python_walk *p, __u64 *entries)
{
	if (p->nr_entries >= PYTHON_MAX_STATES || p->seek <= p->last_entry)
		return python_stop(p, ABI_INTERPRETED_AMBIGUOUS);
	p->last_entry = p->seek;
	entries[p->nr_entries++ & (PYTHON_MAX_STATES - 1)] = p->seek;
	return 0;
}
